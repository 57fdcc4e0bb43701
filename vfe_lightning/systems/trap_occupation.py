"""The models of p(K) that a quantum dot may declare, and the superpositions that K may name."""

import math

import torch

from vfe_lightning import declarations
from vfe_lightning.exact.trap_basis_size import oscillator_shells
from vfe_lightning.generative.causal_transformer import CausalTransformer
from vfe_lightning.generative.levels import Levels
from vfe_lightning.generative.occupation import FermiSea, Occupation
from vfe_lightning.generative.spin_dispersion import SpinDispersion
from vfe_lightning.hamiltonians.oscillator import fock_darwin_quanta, lowest_determinant, orbital_energies
from vfe_lightning.wavefunctions.trap_configuration_interaction import TrapConfigurationInteraction


def shells_of(d: declarations.QuantumDot) -> int:
    """How many oscillator shells are taken: those declared, or as many as matter."""
    if d.shells is not None:
        return d.shells
    if not isinstance(d.occupation, declarations.LowestDeterminant):
        return oscillator_shells(d.n_up, d.n_down, d.beta)
    # no orbital of the lowest determinant of angular momentum M is more than M shells above the filled ones
    return math.ceil(math.sqrt(2 * max(d.n_up, d.n_down))) + 1 + abs(d.occupation.angular_momentum or 0)


def ground_state_orbitals(d: declarations.QuantumDot, shells: int) -> tuple[list[int], list[int]]:
    """Those of the declared determinant, of each spin."""
    assert isinstance(d.occupation, declarations.LowestDeterminant)
    quanta = fock_darwin_quanta(shells)
    occupied = lowest_determinant(quanta, d.n_up, d.n_down, d.occupation.angular_momentum)
    return occupied[: d.n_up].tolist(), (occupied[d.n_up :] - len(quanta)).tolist()


def mixed_determinants(d: declarations.QuantumDot, shells: int) -> TrapConfigurationInteraction | None:
    """The superpositions that are declared; None for single determinants."""
    if not isinstance(d.base_states, declarations.TrapConfigurationInteraction):
        return None
    m = None
    if isinstance(d.occupation, declarations.LowestDeterminant):
        quanta = fock_darwin_quanta(shells)
        m = sum(int(quanta[k, 0] - quanta[k, 1]) for spin in ground_state_orbitals(d, shells) for k in spin)
    return TrapConfigurationInteraction(d.n_up, d.n_down, d.z, d.beta, d.base_states.cutoff, m)


def occupation_model(
    d: declarations.QuantumDot, shells: int, mixing: TrapConfigurationInteraction | None
) -> FermiSea | Levels | Occupation:
    """The declared model of p(K): of sorted orbitals, those of spin down counted after all of spin up, or of
    places in the list of mixed determinants."""
    quanta = fock_darwin_quanta(shells)
    if isinstance(d.occupation, declarations.LowestDeterminant):
        if mixing is not None:
            return FermiSea(1)
        up, down = ground_state_orbitals(d, shells)
        return FermiSea(d.n_up + d.n_down, torch.tensor([*up, *(len(quanta) + k for k in down)]))
    if isinstance(d.occupation, declarations.Levels):
        assert mixing is not None
        kinds = torch.unique(mixing.angular_momenta.abs(), return_inverse=True)[1]
        energies = d.beta * mixing.energies
        return Levels(energies, torch.cat([energies[:, None], torch.nn.functional.one_hot(kinds)], dim=1))
    nodes, m = quanta.min(dim=1).values, quanta[:, 0] - quanta[:, 1]
    # time reversal pairs m with -m
    stars = torch.unique(torch.stack([nodes, m.abs()], dim=1), dim=0, return_inverse=True)[1]
    weights = -d.beta * orbital_energies(quanta)
    tokens = torch.stack([quanta.sum(dim=1), m], dim=1).double() / math.sqrt(shells)
    spin = torch.ones(len(quanta), 1, dtype=torch.float64)
    tokens = torch.cat([torch.cat([tokens, spin], dim=1), torch.cat([tokens, -spin], dim=1)])

    def dispersion(trainable: bool) -> SpinDispersion:
        return SpinDispersion(weights, d.n_up, d.n_down, stars, trainable)

    match d.occupation:
        case declarations.IdealGas():
            return Occupation(dispersion(False), tokens, None)
        case declarations.Quasiparticle():
            return Occupation(dispersion(True), tokens, None)
        case declarations.Transformer(layers=layers, width=width, heads=heads, hidden=hidden) as t:
            network = CausalTransformer(3, len(tokens), layers, width, heads, hidden)
            return Occupation(dispersion(t.dispersion), tokens, network)
