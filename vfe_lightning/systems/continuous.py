"""Classical systems in continuous space: a flow p(x) that minimises F by gradients through its samples."""

import math
from dataclasses import replace
from functools import partial
from typing import Any

from matplotlib.figure import Figure

from vfe_lightning import declarations
from vfe_lightning.declarations.annealing import beta_share, check_annealing
from vfe_lightning.estimate import Estimate
from vfe_lightning.estimators.pathwise import by_path
from vfe_lightning.estimators.snapshot import Snapshot
from vfe_lightning.estimators.thermodynamics import heat_capacity, weight_diagnostics
from vfe_lightning.exact.accuracy import checked
from vfe_lightning.finishing import Crossing, data_of, finish
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.result import Reference
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.crossing import crossing_of
from vfe_lightning.systems.physics import Physics

POPULATIONS, LEAST = 16, 64  # that make data, and walkers of each of them at least


class Continuous(VariationalFreeEnergy):
    """One classical system in continuous space at inverse temperature beta."""

    declaration: declarations.Continuous
    energy_unit = 1.0

    def __init__(self, declaration: declarations.Continuous, physics: Physics) -> None:
        super().__init__()
        self.declaration, self.physics = declaration, physics
        self.size, self.temperature = self.physics.size, 1 / self.physics.beta
        self.units, self.per, self.units_of = self.physics.units, self.physics.per, self.physics.units_of
        self.hamiltonian, self.model = self.physics.hamiltonian, self.physics.model
        self.latest: Snapshot | None = None

    def estimate(self, n_samples: int) -> Estimate:
        physics = self.physics
        path_only = isinstance(self.declaration.gradient, declarations.PathOnly)
        estimator = physics.estimator or partial(
            by_path, self.model, self.hamiltonian.energy, beta=physics.beta, path_only=path_only
        )
        beta_now = self.beta_now()
        x, estimate = estimator(n_samples, generator=self.generator, beta_now=beta_now)
        self.latest = Snapshot(physics.beta, x.detach(), -estimate.entropy.detach())
        observables = {name: f(x) for name, f in physics.observables.items()}
        profiles = {name: partial(f, x) for name, f in physics.profiles.items()}
        return replace(
            estimate,
            observables={
                "heat_capacity": heat_capacity(estimate.energy, physics.beta, physics.size),
                **observables,
            },
            diagnostics={
                **weight_diagnostics(estimate),
                **({"annealed_beta": estimate.energy.new_full((), beta_now)} if self._warms else {}),
            },
            profiles=profiles,
            reweighted={
                **{name: partial(f, x) for name, f in physics.observables.items()},
                **profiles,
            },
            samples=x.detach,
        )

    def check_steps(self, max_steps: int) -> None:
        check_annealing(self.declaration.curriculum, max_steps, "curriculum")

    def beta_now(self) -> float:
        """beta of the gradient: annealed while training."""
        share = beta_share(self.declaration.curriculum, self.global_step) if self._warms else 1.0
        return self.physics.beta * share

    @property
    def _warms(self) -> bool:
        return self.training and not isinstance(self.declaration.curriculum, declarations.NoAnnealing)

    def on_train_batch_start(self, *_: Any) -> None:
        """Fresh data, where they come from the model itself, before the step that learns from them."""
        training, every = self.physics.training, self.refresh
        if training is None or not every or self.global_step % every:
            return
        crossing, walkers = self.crossing(), max(LEAST, -(-2 * len(training.data) // POPULATIONS))
        wanted = declarations.SequentialMonteCarlo(populations=POPULATIONS, walkers=walkers)
        state = finish(crossing, wanted, self.seed, self.device, step=self.global_step)
        x, names = data_of(state, len(training.data), crossing.wells), self.physics.relabelling
        training.data.copy_(names.representative(x) if names else x)

    @property
    def refresh(self) -> int:
        """Steps after which data are replaced; 0: never."""
        return self.declaration.refresh if isinstance(self.declaration, declarations.Learning) else 0

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        if self.physics.training and self.refresh:
            checkpoint["data"] = self.physics.training.data

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        if self.physics.training and self.refresh:
            self.physics.training.data.copy_(checkpoint["data"])

    def reference(self, tolerance: float = math.inf) -> Reference:
        return checked(self.physics.reference(tolerance), tolerance)

    def crossing(self) -> Crossing:
        return crossing_of(self.physics)

    def landmarks(self) -> dict[str, float]:
        return self.physics.landmarks()

    def contained(self) -> frozenset[str]:
        return self.physics.contained

    def derived(self) -> dict[str, Moments]:
        return self.physics.derived(self.evaluation)

    def alarms(self) -> dict[str, str]:
        advice = self.physics.advice(self.evaluation) if self.evaluation else None
        return {"lost_mode": advice} if advice else {}

    def figures(self) -> dict[str, Figure]:
        if self.latest is None:
            return {}
        # the trainer has taken the model back to the CPU by now, but not the samples
        return self.physics.figures(self.evaluation, [self.latest.to(self.device)])
