"""Quantum dot: an autoregressive p(K) and a continuous equivariant flow of oscillator determinants.

Xie, Zhang & Wang, arXiv 2105.08644, with an exact ideal-gas prior over orbitals instead of a list of states,
exact independent samples, Fock-Darwin orbitals and an exact local energy without automatic differentiation.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import torch
from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.analysis import quantum_dot_figures as figures
from vfe_lightning.bijectors.breathing import Breathing
from vfe_lightning.bijectors.continuous import ContinuousFlow
from vfe_lightning.bijectors.cusp import Cusp
from vfe_lightning.bijectors.equivariant_velocity import velocity_of
from vfe_lightning.errors import NotKnown
from vfe_lightning.estimate import Estimate
from vfe_lightning.estimators import correlations, trap_correlations
from vfe_lightning.estimators.quantum import by_variational_monte_carlo
from vfe_lightning.exact import two_electron_dot
from vfe_lightning.exact.oscillator_gas import oscillator_gas
from vfe_lightning.exact.trap_diagonalization import bound
from vfe_lightning.exact.trap_first_order import FirstOrder, determinant_energy, thermal_free_energy
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.generative.occupation import FermiSea
from vfe_lightning.hamiltonians import quantum_dot
from vfe_lightning.hamiltonians.oscillator import fock_darwin_quanta, orbital_energies
from vfe_lightning.result import Reference
from vfe_lightning.systems.trap_occupation import ground_state_orbitals, mixed_determinants, occupation_model
from vfe_lightning.wavefunctions.base_states import BaseStates
from vfe_lightning.wavefunctions.continuous_flow_wavefunction import ContinuousFlowWavefunction
from vfe_lightning.wavefunctions.fock_darwin import FockDarwin
from vfe_lightning.wavefunctions.kinetic import continuous_kinetic
from vfe_lightning.wavefunctions.oscillator_determinants import OscillatorDeterminants
from vfe_lightning.wavefunctions.trap_configuration_interaction import TrapConfigurationInteraction
from vfe_lightning.wavefunctions.trapped_fermions import TrappedFermions

SOFTNESS = 0.25  # of forces between opposite spins, in units of the reach of the cusp
# Energies above the free ground state, in hbar omega: seconds of diagonalisation
LANDMARK_CUTOFF = {2: 18, 3: 11, 4: 7}


class QuantumDot(VariationalFreeEnergy):
    """Electrons in a trap at inverse temperature beta; lengths in sqrt(hbar / m omega)."""

    declaration: declarations.QuantumDot
    energies_of_orbitals: Tensor  # of up and of down orbitals, (2 orbitals,)
    units, per = "hbar omega", "electron"
    energy_unit = 1.0
    units_of: Mapping[str, tuple[str, str]] = {
        "total_free_energy": ("hbar omega", "dot"),
        "total_energy": ("hbar omega", "dot"),
        "total_entropy": ("k_B", "dot"),
    }

    def __init__(self, declaration: declarations.QuantumDot) -> None:
        super().__init__()
        d = self.declaration = declaration
        self.size, self.temperature = d.n_up + d.n_down, 1 / d.beta
        self.least_batch = d.walkers_per_state
        self.hamiltonian = quantum_dot.QuantumDot(d.z)
        mixing = mixed_determinants(d)
        self.model = occupation_model(d, mixing)
        shells = d.shells
        if isinstance(self.model, FermiSea):  # the lowest shells are enough for one determinant, and cheaper
            highest = int((self.model.lowest % d.orbitals).max())
            shells = next(s for s in range(1, d.shells + 1) if highest < s * (s + 1) // 2)
        self.orbitals = FockDarwin(shells)
        self.fermions = TrappedFermions(self.orbitals)
        levels = orbital_energies(fock_darwin_quanta(d.shells)).repeat(2)
        self.register_buffer("energies_of_orbitals", levels, persistent=False)
        scale = mixing.scale if mixing else self.first_order().scale
        self.wavefunction = ContinuousFlowWavefunction(flow_of(d, scale), mixing)

    @property
    def mixing(self) -> TrapConfigurationInteraction | None:
        """What the flow carries in place of single determinants."""
        return self.wavefunction.mixing

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
            base_trap = self.base_trap_excess(z, each)
        estimate = by_variational_monte_carlo(
            kinetic + trap + interaction,
            log_prob,
            self.temperature,
            p=(self.model, partial(self.model.scores, occupied)),
            psi=(self.wavefunction, lambda: self.wavefunction.scores(states, x)),
            clip_width=d.clip,
            unit_of_p=self.temperature or 1.0,
        )
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
            profiles=self.profiles(x, each),
        )

    def profiles(self, x: Tensor, occupied: Tensor) -> dict[str, Callable[[], Tensor]]:
        """Densities of each walker, and <n_k> where K are orbitals."""
        d, edge = self.declaration, self.edge()
        made = {
            "density": lambda: trap_correlations.radial_density(x, edge, figures.DENSITY_BINS),
            "pair_density": lambda: trap_correlations.pair_density(x, edge, figures.PAIR_DENSITY_BINS),
        }
        if self.mixing is None:
            made["occupation"] = lambda: correlations.occupation_numbers(occupied, 2 * d.orbitals)
        return made

    def base_trap_excess(self, z: Tensor, state: Tensor) -> Tensor:
        """sum r^2 / 2 of the free samples less its exact mean, of mixed states about the centre: (batch,)."""
        if self.mixing is not None:
            return 0.5 * (z - z.mean(1, keepdim=True)).square().sum((1, 2)) - self.mixing.trap(state)
        return 0.5 * z.square().sum((1, 2)) - 0.5 * self.energies_of_orbitals[state].sum(1)

    def totals(self, estimate: Estimate) -> dict[str, Tensor]:
        """Of the whole dot, which is how dots are quoted, beside the values per electron."""
        return {
            "total_free_energy": estimate.free_energy,
            "total_energy": estimate.energy,
            "total_entropy": estimate.entropy,
        }

    def states(self, occupied: Tensor) -> BaseStates:
        """What the flow carries, named by a sample of p(K): (batch, n), of sorted orbitals of both spins."""
        if self.mixing is not None:
            return self.mixing(occupied)
        return OscillatorDeterminants(
            self.orbitals, self.fermions, occupied % self.declaration.orbitals, self.declaration.n_up
        )

    def edge(self) -> float:
        """A radius beyond which there is next to no density."""
        return figures.edge(self.declaration)

    def reference(self, tolerance: float = math.inf) -> Reference:
        d = self.declaration
        if (
            isinstance(d.occupation, declarations.LowestDeterminant)
            and d.occupation.angular_momentum is not None
        ):
            raise NotKnown("an angular momentum was chosen: exact values are of the ground state")
        if d.z == 0 or self.size == 1:
            return oscillator_gas(d.n_up, d.n_down, d.beta)
        if self.size == 2 and self.temperature <= two_electron_dot.HOTTEST:
            return two_electron_dot.two_electron_dot(d.z, d.beta, same_spin=d.n_down == 0)
        raise NotKnown(f"{self.size} electrons: two, or free ones, are known exactly")

    def first_order(self) -> FirstOrder:
        """The determinant, or the free ensemble, with the interaction to first order."""
        d = self.declaration
        if math.isinf(d.beta):
            return determinant_energy(*ground_state_orbitals(d), d.z)
        return thermal_free_energy(d.n_up, d.n_down, d.z, d.beta, d.shells)

    def landmarks(self) -> dict[str, float]:
        """Upper bounds: what training starts from and, up to four electrons, configuration interaction."""
        d = self.declaration
        found = self.first_order()
        known = {"first order": found.free_energy, "scaled first order": found.scaled_free_energy}
        if self.mixing is not None:
            known["mixed determinants"] = self.mixing.free_energy
        if self.size in LANDMARK_CUTOFF:
            lowest = round(oscillator_gas(d.n_up, d.n_down, math.inf).free_energy)
            m = getattr(d.occupation, "angular_momentum", None)
            cutoff = lowest + LANDMARK_CUTOFF[self.size]
            known["configuration interaction"] = bound(d.n_up, d.n_down, d.z, d.beta, cutoff, m)
        return known

    def figures(self) -> dict[str, Figure]:
        """Density, pair density and occupations of the latest evaluation."""
        return figures.quantum_dot_figures(self.declaration, self.evaluation)


def flow_of(d: declarations.QuantumDot, scale: float) -> ContinuousFlow:
    """The declared flow, at first a breathing by `scale`, with the cusp where opposite spins meet."""
    cusp = Cusp(d.n_up, d.n_down, d.z) if d.n_down and d.z else None
    smooth = SOFTNESS * cusp.reach / scale if cusp else 0.0
    velocity = velocity_of(d.flow.velocity, d.n_up, d.n_down, smooth=smooth)
    return ContinuousFlow(velocity, d.flow.steps, d.flow.tolerance, Breathing(scale), cusp)
