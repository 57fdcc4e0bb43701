"""Quantum dot: an autoregressive p(K) and a continuous equivariant flow of oscillator determinants.

Xie, Zhang & Wang, arXiv 2105.08644, with an exact ideal-gas prior over orbitals instead of a list of states,
exact independent samples, Fock-Darwin orbitals and an exact local energy without automatic differentiation.
"""

import math
from dataclasses import replace
from functools import partial

import torch
from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.analysis import quantum_dot_figures as figures
from vfe_lightning.bijectors.continuous import ContinuousFlow
from vfe_lightning.bijectors.equivariant_velocity import velocity_of
from vfe_lightning.estimate import Estimate
from vfe_lightning.estimators import correlations, trap_correlations
from vfe_lightning.estimators.quantum import by_variational_monte_carlo
from vfe_lightning.exact import two_electron_dot
from vfe_lightning.exact.oscillator_gas import oscillator_gas
from vfe_lightning.exact.trap_diagonalization import bound
from vfe_lightning.exact.trap_first_order import determinant_energy, thermal_free_energy
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.generative.causal_transformer import CausalTransformer
from vfe_lightning.generative.occupation import FermiSea, Occupation
from vfe_lightning.generative.spin_dispersion import SpinDispersion
from vfe_lightning.hamiltonians import quantum_dot
from vfe_lightning.hamiltonians.oscillator import fock_darwin_quanta, lowest_determinant, orbital_energies
from vfe_lightning.result import Reference
from vfe_lightning.wavefunctions.continuous_flow_wavefunction import ContinuousFlowWavefunction
from vfe_lightning.wavefunctions.fock_darwin import FockDarwin
from vfe_lightning.wavefunctions.kinetic import continuous_kinetic
from vfe_lightning.wavefunctions.oscillator_determinants import OscillatorDeterminants
from vfe_lightning.wavefunctions.trapped_fermions import TrappedFermions

# Energies above the free ground state, in hbar omega: seconds of diagonalisation
LANDMARK_CUTOFF = {2: 18, 3: 11, 4: 7}


class QuantumDot(VariationalFreeEnergy):
    """Electrons in a trap at inverse temperature beta; lengths in sqrt(hbar / m omega)."""

    declaration: declarations.QuantumDot
    energies_of_orbitals: Tensor  # of up and of down orbitals, (2 orbitals,)
    units = "hbar omega"
    energy_unit = 1.0

    def __init__(self, declaration: declarations.QuantumDot) -> None:
        super().__init__()
        d = self.declaration = declaration
        self.size, self.temperature = d.n_up + d.n_down, 1 / d.beta
        self.least_batch = d.walkers_per_state
        self.hamiltonian = quantum_dot.QuantumDot(d.z)
        self.model = occupation_model(d)
        # the lowest shells are enough for one determinant, and cheaper
        shells = d.shells
        if isinstance(self.model, FermiSea):
            highest = int((self.model.lowest % d.orbitals).max())
            shells = next(s for s in range(1, d.shells + 1) if highest < s * (s + 1) // 2)
        self.orbitals = FockDarwin(shells)
        self.fermions = TrappedFermions(self.orbitals)
        levels = orbital_energies(fock_darwin_quanta(d.shells)).repeat(2)
        self.register_buffer("energies_of_orbitals", levels, persistent=False)
        velocity = velocity_of(d.flow.velocity, d.n_up, d.n_down)
        self.wavefunction = ContinuousFlowWavefunction(
            ContinuousFlow(velocity, d.flow.steps, d.flow.tolerance)
        )

    def estimate(self, n_samples: int) -> Estimate:
        d = self.declaration
        with torch.no_grad():
            occupied = self.model.sample(n_samples // d.walkers_per_state, self.generator)
            log_prob = self.model.log_prob(occupied)
            each = occupied.repeat_interleave(d.walkers_per_state, dim=0)
            states = self.states(each)
            z = states.sample(self.generator)
            x, residual = self.wavefunction.flow.invert(z)
            kinetic = 0.5 * continuous_kinetic(self.wavefunction.flow, states, x, d.chunk_size).energy
            trap, interaction = self.hamiltonian.trap(x), self.hamiltonian.interaction(x)
            base_trap = 0.5 * z.square().sum((1, 2)) - 0.5 * self.energies_of_orbitals[each].sum(1)
        estimate = by_variational_monte_carlo(
            kinetic + trap + interaction,
            log_prob,
            self.temperature,
            p=(self.model, partial(self.model.scores, occupied)),
            psi=(self.wavefunction, lambda: self.wavefunction.scores(states, x)),
            clip_width=d.clip,
        )
        edge = self.edge()
        return replace(
            estimate,
            energies={
                "kinetic": kinetic.real,
                "trap": trap,
                "interaction": interaction,
                "virial": 2 * kinetic.real - 2 * trap + interaction,
                "base_trap_excess": base_trap,
            },
            observables=self.totals(estimate),
            maxima={"inversion_residual": residual.max()},
            profiles={
                "density": lambda: trap_correlations.radial_density(x, edge, figures.DENSITY_BINS),
                "pair_density": lambda: trap_correlations.pair_density(x, edge, figures.PAIR_DENSITY_BINS),
                "occupation": lambda: correlations.occupation_numbers(each, 2 * d.orbitals),
            },
        )

    def totals(self, estimate: Estimate) -> dict[str, Tensor]:
        """Of the whole dot, which is how dots are quoted, beside the values per electron."""
        return {
            "total_free_energy": estimate.free_energy,
            "total_energy": estimate.energy,
            "total_entropy": estimate.entropy,
        }

    def states(self, occupied: Tensor) -> OscillatorDeterminants:
        """What the flow carries, named by sorted orbitals of both spins: (batch, n)."""
        return OscillatorDeterminants(
            self.orbitals, self.fermions, occupied % self.declaration.orbitals, self.declaration.n_up
        )

    def edge(self) -> float:
        """A radius beyond which there is next to no density."""
        return figures.edge(self.declaration)

    def reference(self) -> Reference | None:
        d = self.declaration
        if (
            isinstance(d.occupation, declarations.LowestDeterminant)
            and d.occupation.angular_momentum is not None
        ):
            return None
        if d.z == 0 or self.size == 1:
            return oscillator_gas(d.n_up, d.n_down, d.beta)
        if self.size == 2 and self.temperature <= two_electron_dot.HOTTEST:
            return two_electron_dot.two_electron_dot(d.z, d.beta, same_spin=d.n_down == 0)
        return None

    def landmarks(self) -> dict[str, float]:
        """Upper bounds: what training starts from and, up to four electrons, configuration interaction."""
        d = self.declaration
        if isinstance(self.model, FermiSea):
            up, down = (
                self.model.lowest[: d.n_up].tolist(),
                (self.model.lowest[d.n_up :] - d.orbitals).tolist(),
            )
            known = {"first order": determinant_energy(up, down, d.z, self.orbitals.shells)}
            m = (
                d.occupation.angular_momentum
                if isinstance(d.occupation, declarations.LowestDeterminant)
                else None
            )
        else:
            known, m = {"first order": thermal_free_energy(d.n_up, d.n_down, d.z, d.beta, d.shells)}, None
        if self.size in LANDMARK_CUTOFF:
            lowest = round(oscillator_gas(d.n_up, d.n_down, math.inf).free_energy)
            cutoff = lowest + LANDMARK_CUTOFF[self.size]
            known["configuration interaction"] = bound(d.n_up, d.n_down, d.z, d.beta, cutoff, m)
        return known

    def figures(self) -> dict[str, Figure]:
        """Density, pair density and occupations of the latest evaluation."""
        return figures.quantum_dot_figures(self.declaration, self.evaluation)


def occupation_model(d: declarations.QuantumDot) -> FermiSea | Occupation:
    """The declared model of p(K): of sorted orbitals, those of spin down counted from d.orbitals on."""
    quanta = fock_darwin_quanta(d.shells)
    if isinstance(d.occupation, declarations.LowestDeterminant):
        occupied = lowest_determinant(quanta, d.n_up, d.n_down, d.occupation.angular_momentum)
        return FermiSea(d.n_up + d.n_down, occupied)
    nodes, m = quanta.min(dim=1).values, quanta[:, 0] - quanta[:, 1]
    # time reversal pairs m with -m
    stars = torch.unique(torch.stack([nodes, m.abs()], dim=1), dim=0, return_inverse=True)[1]
    weights = -d.beta * orbital_energies(quanta)
    tokens = torch.stack([quanta.sum(dim=1), m], dim=1).double() / math.sqrt(d.shells)
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
