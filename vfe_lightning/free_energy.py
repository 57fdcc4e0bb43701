r"""The variational free energy, and the one training step that minimises it.

Gibbs, Bogoliubov and Feynman bound the free energy at temperature T = 1 / beta by

$$ F[\rho] = \mathrm{Tr}(\rho H) + T \, \mathrm{Tr}(\rho \ln \rho) \ge -T \ln Z, $$

an equality if and only if rho is the Gibbs state. At T = 0 it is the Rayleigh-Ritz principle.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, cast

import lightning as L
import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from vfe_lightning import reductions
from vfe_lightning.errors import NotFinite, NotKnown
from vfe_lightning.estimate import Estimate, besides
from vfe_lightning.evaluation import Comparison, Evaluation
from vfe_lightning.failures import Failures
from vfe_lightning.reporting import Reporting, scalars
from vfe_lightning.result import Reference
from vfe_lightning.sampled import Sampled
from vfe_lightning.statistics import Moments
from vfe_lightning.streams import Steps, check_split, gone_on, make_generator
from vfe_lightning.update import FactorOptimizer


class VariationalFreeEnergy(Sampled, L.LightningModule, ABC):
    """Variational upper bound on the free energy of one physical system.

    A subclass is one physical system: composed from its declaration, it says in `estimate` how F is sampled.
    `prepare` gives it what a run needs besides.

    Attributes:
        generator: the random numbers of this rank; a checkpoint holds the state of every rank.
        metrics: what the latest training step measured, with errors under `<name>_error`.
        measured: the same of the numbers that have an error, with their units.
        evaluation: moments of everything that the latest validation loop measured.
        comparing: validation measures `objective` alone, to compare parameters.
        objective: what training lowers, as the latest comparison found it; None where it is not finite.
        failures: what failed of what only decorates a run.
        asked: functions of samples that the evaluation measures besides: x (batch, ...) -> (batch, ...).
    """

    declaration: Any  # each system narrows it to its own
    size: int  # sites or particles: reported energies and entropies are per `size`
    temperature: float  # T = 1 / beta in internal units of energy
    energy_unit: float  # one internal unit of energy, in `units`
    units: str  # of the reported energies
    per: str = "system"  # what reported energies and entropies are of: an electron, a spin, a site
    units_of: Mapping[str, tuple[str, str]] = {}  # of observables: (units, per what)
    least_batch: int = 1  # batches are multiples of this: samples that belong together
    comparable: bool = True  # the same objective at any parameters: the lowest ones are the best

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.metrics: dict[str, float] = {}
        self.measured: dict[str, Moments] = {}
        self.evaluation: dict[str, Moments] = {}
        self.comparing = False
        self.objective: Moments | None = None
        self.failures = Failures()
        self.asked: Mapping[str, Callable[[Tensor], Tensor]] = {}
        self.generator = torch.Generator()
        self.seed, self.accumulate = 0, 1
        self._generator_states: list[Tensor] | None = None

    @abstractmethod
    def estimate(self, n_samples: int) -> Estimate:
        """Sample rho on this rank with `self.generator` and estimate the free energy."""

    def reference(self, tolerance: float = math.inf) -> Reference:
        """Exact values of the whole system in internal units, with bounds on their errors.

        Args:
            tolerance: of F of the whole system: an error above it is made smaller, where that can be.

        Raises:
            NotKnown: there are none, or none as exact as that; the message says why.
        """
        raise NotKnown("no exact free energy of this system is known")

    def landmarks(self) -> dict[str, float]:
        """Free energies of approximations, such as Hartree-Fock: totals in internal units."""
        return {}

    def contained(self) -> frozenset[str]:
        """The landmarks that the ansatz contains: trained, F is not above them."""
        return frozenset()

    def derived(self) -> dict[str, Moments]:
        """What follows from the latest evaluation as a whole, such as a difference of free energies."""
        return {}

    def alarms(self) -> dict[str, str]:
        """What only this system can find wrong with its latest evaluation: name -> what, and what to do."""
        return {}

    def prepare(
        self,
        optimizer: Callable[["VariationalFreeEnergy"], Optimizer],
        batch_size: int,
        seed: int,
        accumulate: int = 1,
        grown: Callable[[int], int] | None = None,
    ) -> None:
        """Say how the system is trained: `optimizer` makes a `FactorOptimizer` of it.

        Args:
            batch_size: samples a step, over all ranks and all passes.
            accumulate: passes of sampling that make up one step.
            grown: a step -> how many times as large its batch is.
        """
        self.make_optimizer, self.batch_size = optimizer, batch_size
        self.seed, self.accumulate = seed, accumulate
        self.grown = grown or (lambda step: 1)

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        share = self.batch_size // (reductions.world_size() * self.accumulate)
        passes = self.accumulate * self.grown(self.global_step)
        estimate = Estimate.concatenate([self.estimate(share) for _ in range(passes)])
        reporting = self.reporting
        self.measured = reporting.measured(estimate)
        optimizer: Any = self.optimizers()
        update = cast(FactorOptimizer, optimizer.optimizer).update(estimate.factors)
        metrics = reductions.numbers(scalars(self.measured) | reporting.diagnostics(estimate) | update.norms)
        for name in ("free_energy", "energy", "entropy"):
            if not math.isfinite(metrics[name]):
                raise NotFinite(f"{name} is {metrics[name]} at step {self.global_step}; nothing was updated")
        update.take(metrics)
        optimizer.step()
        self.metrics = metrics
        return estimate.free_energy.mean()

    @property
    def reporting(self) -> Reporting:
        """How its numbers are reported."""
        return Reporting(self.size, self.temperature, self.energy_unit, self.units, self.per, self.units_of)

    def on_validation_epoch_start(self) -> None:
        stream = "comparison" if self.comparing else "evaluation"
        self.generator = make_generator(self.device, self.seed, stream)
        self._evaluation = Evaluation(self.reporting, self.failures)
        self._comparison = Comparison(self.reporting)

    def validation_step(self, batch: int, batch_idx: int) -> None:
        n_samples = self.batch_size // (reductions.world_size() * self.accumulate)
        if self.comparing:
            self._comparison.add(lambda: self.estimate(n_samples))
        else:
            self._evaluation.add(besides(self.estimate(n_samples), self.asked))

    def on_validation_epoch_end(self) -> None:
        if self.comparing:
            self.objective = self._comparison.objective()
        else:
            self.evaluation = self._evaluation.merged() | self._evaluation.in_the_gibbs_state()
            self.evaluation |= self.in_the_gibbs_state(self.seed, self.reporting, self.asked)
            self.evaluation |= self.failures.attempt("derived numbers", self.derived) or {}

    def train_dataloader(self) -> DataLoader:
        return DataLoader(Steps(), batch_size=None)

    val_dataloader = train_dataloader

    def configure_optimizers(self) -> Optimizer:
        return self.make_optimizer(self)

    def setup(self, stage: str) -> None:
        self.check_batch_size(reductions.world_size())

    def check_batch_size(self, ranks: int) -> None:
        """Raises ValueError where the passes on all ranks cannot have equally many samples."""
        check_split(self.batch_size, ranks, self.accumulate, self.least_batch)

    def check_steps(self, max_steps: int) -> None:
        """Raises ValueError where so few steps make no sense; for systems with a schedule."""

    def on_fit_start(self) -> None:
        self.generator = make_generator(self.device, self.seed, stream="training")
        if self._generator_states is not None:
            if (ranks := len(self._generator_states)) != reductions.world_size():
                raise ValueError(f"the checkpoint is of {ranks} processes: pass --trainer.devices {ranks}")
            state = self._generator_states[reductions.rank()]
            self.generator = gone_on(self.device, self.seed, self.global_step, state)
            self._generator_states = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        state = self.generator.get_state().to(self.device)  # NCCL gathers nothing that lies on the CPU
        checkpoint["generators"] = [s.clone() for s in reductions.gather(state[None]).cpu()]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._generator_states = checkpoint["generators"]
