"""Classical spins on an autoregressive network: Wu, Wang & Zhang, PRL 122, 080602 (2019)."""

import math
from dataclasses import replace

from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.declarations.annealing import beta_share, check_annealing
from vfe_lightning.estimate import Estimate
from vfe_lightning.estimators import baselines
from vfe_lightning.estimators.classical import by_score_function, measure_valued
from vfe_lightning.estimators.snapshot import Snapshot
from vfe_lightning.estimators.thermodynamics import effective_sample_size, heat_capacity
from vfe_lightning.exact.accuracy import checked
from vfe_lightning.finishing import Crossing
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.generative.bernoulli import BernoulliProduct
from vfe_lightning.result import Reference
from vfe_lightning.systems.crossing import crossing_of
from vfe_lightning.systems.physics import Physics

WARM = 0.2  # the share of beta at which the annealing leaves a second picture


class Spins(VariationalFreeEnergy):
    """Ising spins with any pair couplings at inverse temperature beta."""

    declaration: declarations.Spins
    energy_unit = 1.0

    def __init__(self, declaration: declarations.Spins, physics: Physics) -> None:
        super().__init__()
        self.declaration, self.physics = declaration, physics
        self.size, self.temperature = physics.size, 1 / physics.beta
        self.units, self.per = physics.units, physics.per
        self.hamiltonian, self.model = physics.hamiltonian, physics.model
        self.baseline = baselines.baseline_of(declaration.gradient)
        self.snapshots: dict[str, Snapshot] = {}

    def estimate(self, n_samples: int) -> Estimate:
        d, beta_now = self.declaration, self.beta_now()
        self.model.anneal(beta_now)
        x = self.model.sample(n_samples, self.generator)
        energy = self.hamiltonian.energy(x)
        if isinstance(self.model, BernoulliProduct) and isinstance(d.gradient, declarations.MeasureValued):
            estimate = measure_valued(x, self.hamiltonian.energy, self.model, d.beta, beta_now)
        else:
            estimate = by_score_function(x, energy, self.model, d.beta, self.baseline, beta_now)
        self.remember(x, -estimate.entropy, beta_now)
        return replace(
            estimate,
            observables={
                "heat_capacity": heat_capacity(energy, d.beta, self.size),
                **{name: f(x) for name, f in self.physics.observables.items()},
            },
            diagnostics={
                "effective_sample_size": effective_sample_size(estimate),
                **({"annealed_beta": energy.new_full((), beta_now)} if self.training else {}),
            },
            samples=x.detach,
        )

    def check_steps(self, max_steps: int) -> None:
        check_annealing(self.declaration.annealing, max_steps)

    def beta_now(self) -> float:
        """beta of the gradient: annealed while training."""
        d = self.declaration
        if not self.training:
            return d.beta
        return d.beta * beta_share(d.annealing, self.global_step)

    def remember(self, x: Tensor, log_prob: Tensor, beta: float) -> None:
        """Keep the latest configurations for the figures, and those at a higher temperature."""
        if not self.training or beta <= WARM * self.declaration.beta:
            name = "warm" if self.training else "final"
            self.snapshots[name] = Snapshot(beta, x.detach(), log_prob.detach())

    def reference(self, tolerance: float = math.inf) -> Reference:
        return checked(self.physics.reference(tolerance), tolerance)

    def crossing(self) -> Crossing:
        return crossing_of(self.physics)

    def landmarks(self) -> dict[str, float]:
        return self.physics.landmarks()

    def contained(self) -> frozenset[str]:
        return self.physics.contained

    def figures(self) -> dict[str, Figure]:
        """Configurations of the latest evaluation, and of the annealing where that was one."""
        shots = [self.snapshots[k].to(self.device) for k in ("warm", "final") if k in self.snapshots]
        return self.physics.figures(self.evaluation, shots)
