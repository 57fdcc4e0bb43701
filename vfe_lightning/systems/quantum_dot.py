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
from vfe_lightning.calculus.chunks import of_continuous_flow
from vfe_lightning.estimate import Estimate
from vfe_lightning.estimators import correlations, trap_correlations
from vfe_lightning.estimators.quantum import by_variational_monte_carlo
from vfe_lightning.exact.trap_first_order import FirstOrder, determinant_energy, thermal_free_energy
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.generative.occupation import FermiSea
from vfe_lightning.hamiltonians import quantum_dot
from vfe_lightning.hamiltonians.oscillator import fock_darwin_quanta, orbital_energies
from vfe_lightning.result import Reference
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.basis_check import basis_alarms, basis_numbers, oscillator_basis
from vfe_lightning.systems.trap_flow import dot_flow
from vfe_lightning.systems.trap_occupation import (
    ground_state_orbitals,
    mixed_determinants,
    occupation_model,
    shells_of,
)
from vfe_lightning.systems.trap_references import configuration_interaction, exact_values
from vfe_lightning.wavefunctions.base_states import BaseStates
from vfe_lightning.wavefunctions.continuous_flow_wavefunction import ContinuousFlowWavefunction
from vfe_lightning.wavefunctions.fock_darwin import FockDarwin
from vfe_lightning.wavefunctions.kinetic import continuous_kinetic
from vfe_lightning.wavefunctions.oscillator_determinants import OscillatorDeterminants
from vfe_lightning.wavefunctions.trap_configuration_interaction import TrapConfigurationInteraction
from vfe_lightning.wavefunctions.trapped_fermions import TrappedFermions


class QuantumDot(VariationalFreeEnergy):
    """Electrons in a trap at inverse temperature beta; lengths in sqrt(hbar / m omega)."""

    declaration: declarations.QuantumDot
    energies_of_orbitals: Tensor  # of up and of down orbitals, (2 orbitals,)
    units, per, unit_of_length = "hbar omega", "electron", "sqrt(hbar / m omega)"
    energy_unit = 1.0
    units_of: Mapping[str, tuple[str, str]] = {
        "total_free_energy": ("hbar omega", "dot"),
        "total_energy": ("hbar omega", "dot"),
        "total_entropy": ("k_B", "dot"),
    }

    def __init__(self, declaration: declarations.QuantumDot) -> None:
        super().__init__()
        d = self.declaration = declaration
        self.size, self.temperature, self.least_batch = d.n_up + d.n_down, 1 / d.beta, d.walkers_per_state
        self.chunks = of_continuous_flow(self.size, 2, self.size, d.chunk_size)
        self.hamiltonian = quantum_dot.QuantumDot(d.z)
        shells = self.shells = shells_of(d)
        levels = orbital_energies(fock_darwin_quanta(shells))
        self.per_spin = len(levels)
        self.lost = oscillator_basis(self, shells)
        mixing = mixed_determinants(d, shells)
        self.model = occupation_model(d, shells, mixing)
        if isinstance(self.model, FermiSea):  # the lowest shells are enough for one determinant, and cheaper
            highest = int((self.model.lowest % len(levels)).max())
            shells = next(s for s in range(1, shells + 1) if highest < s * (s + 1) // 2)
        self.orbitals = FockDarwin(shells)
        self.fermions = TrappedFermions(self.orbitals)
        self.register_buffer("energies_of_orbitals", levels.repeat(2), persistent=False)
        scale = mixing.scale if mixing else self.first_order().scale
        self.wavefunction = ContinuousFlowWavefunction(dot_flow(d, scale), mixing)

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
            made = partial(continuous_kinetic, self.wavefunction.flow, states, x)
            kinetic = 0.5 * self.chunks.run(made, x.device).energy
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
            samples=x.detach,
        )

    def positions(self, states: BaseStates) -> Tensor:
        return self.wavefunction.flow.invert(states.sample(self.generator))[0]

    def profiles(self, x: Tensor, occupied: Tensor) -> dict[str, Callable[[], Tensor]]:
        """Densities of each walker, and <n_k> where K are orbitals."""
        edge = trap_correlations.edge(self.declaration)
        made = {
            "density": lambda: trap_correlations.radial_density(x, edge),
            "pair_density": lambda: trap_correlations.pair_density(x, edge),
        }
        if self.mixing is None:
            made["occupation"] = lambda: correlations.occupation_numbers(occupied, 2 * self.per_spin)
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

    def states(self, sample: Tensor) -> BaseStates:
        """What the flow carries, named by a sample of p(K): (batch, n), of sorted orbitals of both spins."""
        if self.mixing is not None:
            return self.mixing(sample)
        return OscillatorDeterminants(
            self.orbitals, self.fermions, sample % self.per_spin, self.declaration.n_up
        )

    def reference(self, tolerance: float = math.inf) -> Reference:
        return exact_values(self.declaration, tolerance)

    def first_order(self) -> FirstOrder:
        """The determinant, or the free ensemble, with the interaction to first order."""
        d = self.declaration
        if math.isinf(d.beta):
            return determinant_energy(*ground_state_orbitals(d, self.shells), d.z)
        return thermal_free_energy(d.n_up, d.n_down, d.z, d.beta, self.shells)

    def derived(self) -> dict[str, Moments]:
        """What the finite basis costs free electrons."""
        return basis_numbers(self, self.lost)

    def alarms(self) -> dict[str, str]:
        return basis_alarms(self, self.lost)

    def landmarks(self) -> dict[str, float]:
        """Upper bounds: what training starts from and, up to four electrons, configuration interaction."""
        d = self.declaration
        found = self.first_order()
        known = {"first order": found.free_energy, "scaled first order": found.scaled_free_energy}
        if self.mixing is not None:
            known["mixed determinants"] = self.mixing.free_energy
        known |= configuration_interaction(d)
        return known

    def contained(self) -> frozenset[str]:
        """Where training starts; the cusp of opposite spins, which is not trained, is in no landmark.

        A velocity from outside may leave nothing as it is.
        """
        d = self.declaration
        if (d.n_down and d.z) or isinstance(d.flow.velocity, declarations.Own):
            return frozenset()
        starts = {"first order", "scaled first order"} if self.mixing is None else {"mixed determinants"}
        return frozenset(starts)

    def figures(self) -> dict[str, Figure]:
        """Density, pair density and occupations of the latest evaluation."""
        taken = self.declaration.model_copy(update={"shells": self.shells})
        return figures.quantum_dot_figures(taken, self.evaluation)
