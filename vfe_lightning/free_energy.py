r"""The variational free energy, and the one training step that minimises it.

Gibbs, Bogoliubov and Feynman bound the free energy at temperature T = 1 / beta by

$$ F[\rho] = \mathrm{Tr}(\rho H) + T \, \mathrm{Tr}(\rho \ln \rho) \ge -T \ln Z, $$

an equality if and only if rho is the Gibbs state. At T = 0 it is the Rayleigh-Ritz principle.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, cast

import lightning as L
from lightning.pytorch.core.optimizer import LightningOptimizer
from matplotlib.figure import Figure
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from vfe_lightning import reductions
from vfe_lightning.errors import NotFinite, NotKnown
from vfe_lightning.estimate import Estimate, FactorOptimizer
from vfe_lightning.evaluation import Evaluation
from vfe_lightning.result import Reference
from vfe_lightning.statistics import Moments, between_group_variance, group_means
from vfe_lightning.streams import Steps, make_generator


class VariationalFreeEnergy(L.LightningModule, ABC):
    """Variational upper bound on the free energy of one physical system.

    A subclass is one physical system. It takes its declaration, composes a Hamiltonian and the models of
    rho from it, and says in `estimate` how F is sampled. `prepare` gives it what a run needs besides.

    Attributes:
        generator: the random numbers of this rank; a checkpoint holds the state of every rank.
        metrics: what the latest training step measured, see `summary`.
        evaluation: moments of everything that the latest validation loop measured.
        energies: the names of those numbers that are in `units`.
    """

    declaration: Any  # each system narrows it to its own
    size: int  # sites or particles: reported energies and entropies are per `size`
    temperature: float  # T = 1 / beta in internal units of energy
    energy_unit: float  # one internal unit of energy, in `units`
    units: str  # of the reported energies
    least_batch: int = 1  # batches are multiples of this: samples that belong together

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.metrics: dict[str, float] = {}
        self.evaluation: dict[str, Moments] = {}
        self.energies: tuple[str, ...] = ()
        self._generator_states: list[Tensor] | None = None

    @abstractmethod
    def estimate(self, n_samples: int) -> Estimate:
        """Sample rho on this rank with `self.generator` and estimate the free energy."""

    def reference(self, tolerance: float = math.inf) -> Reference:
        """Exact values of the whole system in internal units, with bounds on their errors.

        Args:
            tolerance: of F of the whole system: an error above it is made smaller, where that can be.

        Raises:
            NotKnown: where there are none, or none as exact as that; the message says why.
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

    def figures(self) -> dict[str, Figure]:
        """Pictures of the latest evaluation that only this system has."""
        return {}

    def prepare(
        self,
        optimizer: Callable[["VariationalFreeEnergy"], Optimizer],
        batch_size: int,
        seed: int,
        accumulate: int = 1,
    ) -> None:
        """Say how the system is trained.

        Args:
            optimizer: called with the system; what it makes is a `FactorOptimizer`.
            batch_size: samples a step, over all ranks and all passes.
            accumulate: passes of sampling that make up one step.
        """
        self.make_optimizer, self.batch_size = optimizer, batch_size
        self.seed, self.accumulate = seed, accumulate

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        share = self.batch_size // (reductions.world_size() * self.accumulate)
        estimate = Estimate.concatenate([self.estimate(share) for _ in range(self.accumulate)])
        metrics = self.summary(estimate)
        for name in ("free_energy", "energy", "entropy"):
            if not math.isfinite(metrics[name]):
                raise NotFinite(f"{name} is {metrics[name]} at step {self.global_step}; nothing was updated")
        optimizer = cast(LightningOptimizer, self.optimizers())
        metrics |= cast(FactorOptimizer, optimizer.optimizer).backward(estimate.factors)
        optimizer.step()
        self.metrics = metrics
        return estimate.free_energy.mean()

    def moments(self, estimate: Estimate) -> dict[str, Moments]:
        """Moments over the independent groups of this rank of all numbers that are reported.

        Energies and the entropy are per site or particle, energies in `units`.
        """
        unit = self.energy_unit / self.size
        self.energies = ("free_energy", "energy", *estimate.energies)
        local = {
            "free_energy": estimate.free_energy * unit,
            "energy": estimate.energy * unit,
            "entropy": estimate.entropy / self.size,
            **{name: value * unit for name, value in estimate.energies.items()},
            **estimate.observables,
        }
        return {name: Moments.of(group_means(v.detach(), estimate.correlated)) for name, v in local.items()}

    def summary(self, estimate: Estimate) -> dict[str, float]:
        """Means over all ranks with their standard errors, and how far rho is from stationary.

        `variance` is that of single samples of F_loc, zero when rho is exact. `stationarity` is
        Var_n E[F_loc | n] / T^2, zero at the optimum of p(n) and twice the Kullback-Leibler
        divergence from it nearby.
        """
        summary = estimate.scalars()
        for name, moments in self.moments(estimate).items():
            everywhere = moments.over_ranks()
            summary[name], summary[f"{name}_error"] = everywhere.mean.item(), everywhere.error.item()
        f = estimate.free_energy.detach()
        summary["variance"] = Moments.of(f * self.energy_unit / self.size).over_ranks().variance.item()
        if estimate.correlated > 1 and self.temperature > 0:
            summary["stationarity"] = between_group_variance(f / self.temperature, estimate.correlated).item()
        return summary

    def on_validation_epoch_start(self) -> None:
        self.generator = make_generator(self.device, self.seed, stream="evaluation")
        self._measured = Evaluation()

    def validation_step(self, batch: int, batch_idx: int) -> None:
        estimate = self.estimate(self.batch_size // (reductions.world_size() * self.accumulate))
        self._measured.add(self.moments(estimate), self.summary(estimate), estimate)

    def on_validation_epoch_end(self) -> None:
        unit = self.temperature * self.energy_unit / self.size
        self.evaluation = self._measured.merged() | self._measured.in_the_gibbs_state(unit)
        self.evaluation |= self.derived()
        if "importance_free_energy" in self.evaluation:
            self.energies = (*self.energies, "importance_free_energy")

    def train_dataloader(self) -> DataLoader:
        return DataLoader(Steps(), batch_size=None)

    val_dataloader = train_dataloader

    def configure_optimizers(self) -> Optimizer:
        return self.make_optimizer(self)

    def setup(self, stage: str) -> None:
        self.check_batch_size(reductions.world_size())

    def check_batch_size(self, ranks: int) -> None:
        """Each pass on each rank has equally many samples.

        Raises:
            ValueError: when the batch does not split so.
        """
        share = ranks * self.accumulate * self.least_batch
        if self.batch_size % share or self.batch_size < 2 * share:
            raise ValueError(
                f"batch_size = {self.batch_size} does not split: it must be a multiple of {share} "
                f"({ranks} processes x {self.accumulate} passes x {self.least_batch}), at least {2 * share}"
            )

    def check_steps(self, max_steps: int) -> None:
        """Raises ValueError where so few steps make no sense; for systems with a schedule."""

    def on_fit_start(self) -> None:
        self.generator = make_generator(self.device, self.seed, stream="training")
        if self._generator_states is not None:
            if (ranks := len(self._generator_states)) != reductions.world_size():
                raise ValueError(f"the checkpoint is of {ranks} processes: pass --trainer.devices {ranks}")
            # A copy: torch 2.13 crashes on a state that is a part of a larger tensor.
            self.generator.set_state(self._generator_states[reductions.rank()].clone())
            self._generator_states = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        state = self.generator.get_state().to(self.device)  # NCCL gathers nothing that lies on the CPU
        checkpoint["generators"] = [s.clone() for s in reductions.gather(state[None]).cpu()]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._generator_states = checkpoint["generators"]
