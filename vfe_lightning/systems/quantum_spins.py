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
from vfe_lightning.circuits.adjoint import energies
from vfe_lightning.circuits.thermal_metric import metric_rows
from vfe_lightning.declarations.spin_networks import beta_share, check_annealing
from vfe_lightning.errors import NotKnown
from vfe_lightning.estimate import Estimate, Factor
from vfe_lightning.estimators.baselines import equal_weights, leave_one_out
from vfe_lightning.estimators.classical import by_score_function
from vfe_lightning.estimators.thermodynamics import heat_capacity
from vfe_lightning.exact.quantum_spins import MOST_DENSE, Thermal, thermal_lanczos, thermal_state
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.generative.peierls import PeierlsWeights
from vfe_lightning.hamiltonians.pauli import PauliSum, all_spins, numbers
from vfe_lightning.result import Reference
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.circuit_models import circuit_of
from vfe_lightning.systems.spin_models import model_of
from vfe_lightning.systems.spin_observables import observables_of
from vfe_lightning.systems.state_table import StateTable

LEVELS = 8  # that are reported


class QuantumSpins(VariationalFreeEnergy):
    """Spins 1/2 on a lattice at inverse temperature beta."""

    declaration: declarations.QuantumSpins
    units, per = "J", "spin"
    energy_unit = 1.0

    def __init__(
        self, declaration: declarations.QuantumSpins, hamiltonian: PauliSum, bonds: list[tuple[int, int]]
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
        slopes = partial(_pullback, beta * known, list(self.circuit.parameters()))
        energy, metric = known.detach(), partial(self._metric, index)
        found = by_score_function(s, energy[place], model, self.declaration.beta, leave_one_out, beta)
        cost = beta * energy
        circuit = Factor("circuit", self.circuit, None, cost, pullback=slopes, metric=metric, quantum=True)
        if isinstance(model, PeierlsWeights):
            p, share = (), model.likely_weights() / reductions.world_size()
            circuit = replace(circuit, weights=partial(_repeated, share))
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
            observables={
                "heat_capacity": heat_capacity(energy, d.beta, self.size) + quantum,
                "purity": (-found.entropy).exp(),
                "state_variance": variance,
                **measured,
            },
        )

    def on_validation_epoch_start(self) -> None:
        self.table = None
        super().on_validation_epoch_start()

    def derived(self) -> dict[str, Moments]:
        """The energies of the lowest states that were sampled, and exact values beside them."""
        assert self.table is not None
        self.levels = self.table.levels()
        exact, known = self.thermal, {}
        if self.size <= MOST_DENSE:
            heat_capacity = Moments.exactly(exact.heat_capacity / self.size)
            known["exact_heat_capacity"] = heat_capacity.measured_in("k_B", self.per)
            known["exact_purity"] = Moments.exactly(exact.purity)
        for name, levels in (("level", self.levels), ("exact_level", exact.levels)):
            for k, level in enumerate(levels[:LEVELS]):
                known[f"{name}_{k}"] = Moments.exactly(level.cpu()).measured_in(self.units, "system")
        return known

    def check_steps(self, max_steps: int) -> None:
        check_annealing(self.declaration.annealing, max_steps)

    def beta_now(self) -> float:
        """beta of the gradient: annealed while training."""
        d = self.declaration
        return d.beta * (beta_share(d.annealing, self.global_step) if self.training else 1)

    @cached_property
    def thermal(self) -> Thermal:
        """Exact for few spins; from the lowest levels and random traces for more."""
        hamiltonian = deepcopy(self.hamiltonian).cpu()
        if self.size <= MOST_DENSE:
            return thermal_state(hamiltonian, self.declaration.beta)
        return thermal_lanczos(hamiltonian, self.declaration.beta)

    def reference(self, tolerance: float = math.inf) -> Reference:
        if self.size > MOST_DENSE:
            raise NotKnown(f"{self.size} spins: all levels are computed of at most {MOST_DENSE}")
        found = self.thermal.reference
        if found.free_energy_error > tolerance:
            raise NotKnown(f"F is known to {found.free_energy_error:.1g} J, not to {tolerance:.1g}: rounding")
        return found

    def landmarks(self) -> dict[str, float]:
        """Thermal Lanczos and its upper and lower end where the levels are too many to know them all."""
        if self.size <= MOST_DENSE:
            return {}
        f, error = self.thermal.free_energy, self.thermal.free_energy_error
        return {"thermal Lanczos": f, "thermal Lanczos + error": f + error}

    def figures(self) -> dict[str, Figure]:
        return {"levels": levels_figure(self.levels, self.thermal.levels)}


def _pullback(values: Tensor, parameters: list[Tensor], weights: Tensor) -> Tensor:
    """sum_b weight_b d value_b: (batch,) -> (1, parameters)."""
    gradients = torch.autograd.grad(values, parameters, weights, retain_graph=True)
    return torch.cat([g.flatten() for g in gradients])[None]


def _repeated(share: Tensor, cost: Tensor) -> Tensor:
    """The same weights in each pass of sampling, which have the same states: (passes states,)."""
    passes = len(cost) // len(share)
    return share.repeat(passes) / passes
