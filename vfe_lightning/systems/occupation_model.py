"""The models of p(K) that an electron gas may declare."""

import math

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.declarations.twist import Several
from vfe_lightning.generative.causal_transformer import CausalTransformer
from vfe_lightning.generative.dispersion import Dispersion, stars_of
from vfe_lightning.generative.levels import Levels
from vfe_lightning.generative.occupation import FermiSea, Occupation
from vfe_lightning.generative.spin_dispersion import SpinDispersion
from vfe_lightning.generative.twisted_occupation import ThermalTwistedOccupation, TwistedOccupation
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy
from vfe_lightning.wavefunctions.configuration_interaction import ConfigurationInteraction

KNOTS = 4  # of the dispersion of several twists up to k_F


def occupation_model(
    d: declarations.ElectronGas, orbitals: Tensor, mixing: ConfigurationInteraction | None
) -> FermiSea | Levels | Occupation | TwistedOccupation:
    """The declared model of p(K) on orbitals in units of 2 pi / L, (orbitals, dim).

    Of several twists the orbitals are integers, and p(K) is given the twist. With both spins those of spin
    down are counted after all of spin up, and tokens tell the spin.
    """
    if isinstance(d.twists, Several):
        return _of_several_twists(d, d.twists, orbitals)
    if isinstance(d.occupation, declarations.FermiSea):
        down = len(orbitals) + torch.arange(d.n_down)
        return FermiSea(d.n, torch.cat([torch.arange(d.n_up), down]))
    temperature = d.theta * fermi_energy(d.dim, d.majority)
    if isinstance(d.occupation, declarations.Levels):
        assert mixing
        kinds = torch.nn.functional.one_hot(mixing.kinds).double()
        features = torch.cat([mixing.relative[:, None] / temperature, kinds], dim=1)
        return Levels(mixing.energies / temperature, features)
    energies = (2 * math.pi / box_length(d.n, d.dim)) ** 2 * orbitals.square().sum(dim=1)
    weights = -energies / temperature

    tokens = orbitals
    if d.n_down:
        spin = orbitals.new_ones(len(orbitals), 1)
        tokens = torch.cat([torch.cat([orbitals, s], dim=1) for s in (spin, -spin)])

    def dispersion(trainable: bool) -> Dispersion | SpinDispersion:
        if d.n_down:
            return SpinDispersion(weights, d.n_up, d.n_down, stars_of(orbitals), trainable)
        return Dispersion(weights, d.n, stars_of(orbitals), trainable)

    match d.occupation:
        case declarations.IdealGas():
            return Occupation(dispersion(False), tokens, None)
        case declarations.Quasiparticle():
            return Occupation(dispersion(True), tokens, None)
        case declarations.Transformer(layers=layers, width=width, heads=heads, hidden=hidden) as t:
            network = CausalTransformer(tokens.shape[1], len(tokens), layers, width, heads, hidden)
            return Occupation(dispersion(t.dispersion), tokens, network)


def _of_several_twists(d: declarations.ElectronGas, twists: Several, grid: Tensor) -> TwistedOccupation:
    particles = (d.n_up, d.n_down) if d.n_down else (d.n_up,)
    if isinstance(d.occupation, declarations.FermiSea):
        return TwistedOccupation(grid, twists, particles)
    fermi, unit = fermi_energy(d.dim, d.majority), (2 * math.pi / box_length(d.n, d.dim)) ** 2
    spacing = (fermi / unit) ** 0.5 / KNOTS
    network, dressed = None, isinstance(d.occupation, declarations.Quasiparticle)
    if isinstance(t := d.occupation, declarations.Transformer):
        features = ThermalTwistedOccupation.features(d.dim, len(particles))
        classes, dressed = len(particles) * len(grid), t.dispersion
        network = CausalTransformer(features, classes, t.layers, t.width, t.heads, t.hidden, prompted=True)
    slope, knots = unit / (d.theta * fermi), spacing if dressed else None
    return ThermalTwistedOccupation(grid, twists, particles, slope, knots, network)
