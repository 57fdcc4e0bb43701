r"""Spins 1/2 in $\rho = \sum_x p(x) U |x \rangle \langle x| U^\dagger$: a network p(x) and a circuit U.

Liu, Mao, Zhang & Wang, Mach. Learn.: Sci. Technol. 2, 025011 (2021). The entropy is that of p, and
$F = E_{x \sim p} [ \ln p(x) / \beta + \langle x | U^\dagger H U | x \rangle ]$.
"""

import math
from copy import deepcopy
from dataclasses import replace
from functools import cached_property, partial

import torch
from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning import declarations, reductions
from vfe_lightning.analysis.quantum_spin_figures import levels_figure
from vfe_lightning.circuits import circuit_of
from vfe_lightning.circuits.adjoint import energies
from vfe_lightning.circuits.pullback import pullback, repeated
from vfe_lightning.circuits.thermal_metric import metric_rows
from vfe_lightning.circuits.wavefunction import CircuitWavefunction
from vfe_lightning.declarations.annealing import beta_share, check_annealing
from vfe_lightning.estimate import Estimate, Factor
from vfe_lightning.estimators.baselines import equal_weights, leave_one_out
from vfe_lightning.estimators.classical import by_score_function
from vfe_lightning.estimators.thermodynamics import heat_capacity
from vfe_lightning.exact.quantum_spins import Thermal
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.generative.peierls import PeierlsWeights
from vfe_lightning.hamiltonians.pauli import PauliSum, all_spins, numbers
from vfe_lightning.result import Reference
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.spin_models import model_of
from vfe_lightning.systems.spin_observables import observables_of
from vfe_lightning.systems.spin_references import landmarks_of, levels_beside, reference_of, thermal_of
from vfe_lightning.systems.state_table import StateTable


class QuantumSpins(VariationalFreeEnergy):
    """Spins 1/2 at inverse temperature beta."""

    declaration: declarations.CircuitSpins
    units, per = "J", "spin"
    energy_unit = 1.0

    def __init__(
        self, declaration: declarations.CircuitSpins, hamiltonian: PauliSum, bonds: list[tuple[int, int]]
    ) -> None:
        super().__init__()
        d = self.declaration = declaration
        self.size, self.temperature = d.sites, 1 / d.beta
        self.hamiltonian = hamiltonian
        self.operators = torch.nn.ModuleDict(observables_of(bonds, d.sites))
        self.model = model_of(d.network, d.sites, symmetrize=False)
        self.circuit = circuit_of(d, list(dict.fromkeys(bonds)))
        if isinstance(d.gates, declarations.BlockGates) and self.hamiltonian.phases.is_complex():
            raise ValueError("gates blocks are real and this Hamiltonian is not: use --gates.kind general")
        self.table: StateTable | None = None

    def estimate(self, n_samples: int) -> Estimate:
        return self._trained(n_samples) if self.training else self._reported(n_samples)

    def _follow(self) -> Tensor:
        """Peierls' weights of the circuit as it is; the energies of all its states: (2^sites,)."""
        assert isinstance(self.model, PeierlsWeights)
        energy = self._energies(torch.arange(2**self.size, device=self.device))
        self.model.follow(energy.detach(), self.beta_now())
        return energy

    def _energies(self, states: Tensor) -> Tensor:
        unitaries = self.circuit.unitaries()
        if self.training and self.declaration.gates.precision == "single":
            unitaries = unitaries.to(torch.complex64 if unitaries.is_complex() else torch.float32)
        return energies(unitaries, states, self.circuit.places, self.hamiltonian).double()

    @torch.enable_grad()
    def _trained(self, n_samples: int) -> Estimate:
        """What the optimiser needs; each basis state is evolved once."""
        beta, model = self.beta_now(), self.model
        known = self._follow() if isinstance(model, PeierlsWeights) else None
        s = model.sample(n_samples, self.generator)
        place = index = numbers(s)
        if known is None:
            states, place = index.unique(return_inverse=True)
            known = self._energies(states)
        slopes = partial(pullback, beta * known, list(self.circuit.parameters()))
        energy, metric = known.detach(), partial(self._metric, index)
        found = by_score_function(s, energy[place], model, self.declaration.beta, leave_one_out, beta)
        cost = beta * energy
        circuit = Factor("circuit", self.circuit, None, cost, pullback=slopes, metric=metric, quantum=True)
        if isinstance(model, PeierlsWeights):
            p, share = (), model.likely_weights() / reductions.world_size()
            circuit = replace(circuit, weights=partial(repeated, share))
        else:
            p = found.factors
            circuit = replace(
                circuit, cost=cost[place], weights=equal_weights,
                pullback=lambda weights: slopes(torch.zeros_like(cost).index_add(0, place, weights)),
            )  # fmt: skip
        return replace(found, factors=(*p, circuit), observables={"purity": (-found.entropy).exp()})

    @torch.no_grad()
    def _metric(self, index: Tensor) -> Tensor:
        """Rows of the metric of the circuit, at samples of this rank."""
        parameters = sum(p.numel() for p in self.circuit.parameters())
        rows = (self.declaration.probes or 3 * parameters) // (2 * reductions.world_size()) + 1
        index = index.repeat(-(-rows // len(index)))[:rows]
        log_prob = self.model.log_prob(all_spins(self.declaration.sites, self.device))
        return metric_rows(self.circuit, index, log_prob, self.generator)

    @torch.no_grad()
    def _reported(self, n_samples: int) -> Estimate:
        """Everything that is reported, with each basis state evolved once in an evaluation."""
        d = self.declaration
        if self.table is None and isinstance(self.model, PeierlsWeights):
            self._follow()
        s = self.model.sample(n_samples, self.generator)
        index = numbers(s)
        if self.table is None:
            self.table = StateTable(self.circuit, self.hamiltonian, self.operators)
        measured = self.table.of(index)
        energy, variance = measured.pop("energy"), measured.pop("state_variance")
        found = by_score_function(s, energy, self.model, d.beta, leave_one_out)
        quantum = d.beta**2 * variance / self.size
        return replace(
            found,
            factors=(),
            of_states=True,
            samples=partial(self.positions, index),
            observables={
                "heat_capacity": heat_capacity(energy, d.beta, self.size) + quantum,
                "purity": (-found.entropy).exp(),
                "state_variance": variance,
                **measured,
            },
        )

    @property
    def wavefunction(self) -> CircuitWavefunction:
        return CircuitWavefunction(self.circuit, self.size)

    def states(self, sample: Tensor) -> Tensor:
        """Numbers of basis states."""
        return numbers(sample)

    def positions(self, states: Tensor) -> Tensor:
        """Spins along z, +-1: (batch, sites)."""
        return all_spins(self.size, self.device)[self.wavefunction.sample(states, self.generator)]

    def log_psi(self, state: Tensor, x: Tensor) -> Tensor:
        return self.wavefunction.log_psi(numbers(state), numbers(x))

    def sample(self, n: int) -> tuple[Tensor, Tensor]:
        self._settle()
        return super().sample(n)

    def log_prob(self, x: Tensor) -> Tensor:
        self._settle()
        return super().log_prob(x)

    def _settle(self) -> None:
        """Peierls' weights are of the circuit as it is now."""
        if isinstance(self.model, PeierlsWeights):
            with torch.no_grad():
                self._follow()

    def on_validation_epoch_start(self) -> None:
        self.table = None
        super().on_validation_epoch_start()

    def derived(self) -> dict[str, Moments]:
        """The energies of the lowest states that were sampled, and exact values beside them."""
        assert self.table is not None
        self.levels = self.table.levels()
        return levels_beside(self.levels, self.thermal, self.size, self.units, self.per)

    def check_steps(self, max_steps: int) -> None:
        check_annealing(self.declaration.annealing, max_steps)

    def beta_now(self) -> float:
        """beta of the gradient: annealed while training."""
        d = self.declaration
        return d.beta * (beta_share(d.annealing, self.global_step) if self.training else 1)

    @cached_property
    def thermal(self) -> Thermal:
        return thermal_of(deepcopy(self.hamiltonian).cpu(), self.declaration.beta)

    def reference(self, tolerance: float = math.inf) -> Reference:
        return reference_of(self.thermal, self.size, tolerance)

    def landmarks(self) -> dict[str, float]:
        return landmarks_of(self.thermal, self.size)

    def figures(self) -> dict[str, Figure]:
        return {"levels": levels_figure(self.levels, self.thermal.levels)}
