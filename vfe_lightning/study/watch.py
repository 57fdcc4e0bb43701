"""What a study does inside the training of a trial: it reports F, and ends what is hopeless."""

import os
import signal
import statistics
import time
from typing import Any

import lightning as L
import optuna
from lightning.pytorch.callbacks import Callback
from optuna.trial import TrialState

from vfe_lightning.declarations.study import Pruning
from vfe_lightning.errors import Pruned
from vfe_lightning.free_energy import VariationalFreeEnergy

RUN, PACE = "run_id", "seconds_per_step"  # user attributes of a trial, which Optuna's dashboard shows
CURVE, RESULT = "vfe:curve", "vfe:result"  # what is too long for its pages


class Watch(Callback):
    """Reports the mean of F over some steps from rank 0; all ranks end together.

    Without a validation loop: every training step measures F on fresh samples.
    """

    def __init__(self, trial: optuna.Trial | None, pruning: Pruning | None, parent: int | None) -> None:
        """Rank 0 has the trial. `parent`: the process without which this one is to end."""
        self.trial, self.pruning, self.parent = trial, pruning, parent
        self.gathered: list[float] = []
        self.durations: list[float] = []
        self.began = time.monotonic()

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if self.trial and trainer.logger:
            self.trial.set_user_attr(RUN, str(trainer.logger.version))

    def on_train_batch_start(self, *_: Any) -> None:
        self.began = time.monotonic()

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        if self.parent and os.getppid() != self.parent:
            self.parent = None
            os.kill(os.getpid(), signal.SIGTERM)
        assert isinstance(pl_module, VariationalFreeEnergy)
        self.gathered.append(pl_module.metrics["free_energy"])
        self.durations.append(time.monotonic() - self.began)
        if self.pruning and trainer.global_step % self.pruning.every == 0:
            hopeless = self.report(trainer.global_step) if self.trial else False
            if trainer.strategy.broadcast(hopeless):
                raise Pruned(f"F is above the median of the trials at step {trainer.global_step}")

    def report(self, step: int) -> bool:
        """Whether the trial is hopeless, by the mean of F since the last report."""
        assert self.trial
        value, self.gathered = statistics.fmean(self.gathered), []
        if len(self.trial.study.directions) == 1:
            if step not in self.trial.storage.get_trial(self.trial._trial_id).intermediate_values:
                self.trial.report(value, step)
            return self.trial.should_prune()
        # Optuna reports with one objective only, although its pruners need no more than the curves.
        curve = curve_of(self.trial.storage.get_trial(self.trial._trial_id))
        keep(self.trial, CURVE, {str(s): v for s, v in curve.items()} | {str(step): value})
        pace = statistics.median(self.durations)
        self.trial.set_user_attr(PACE, pace)
        return self.trial.study.pruner.prune(*no_slower(self.trial, pace))


def no_slower(trial: optuna.Trial, pace: float) -> tuple[optuna.Study, optuna.trial.FrozenTrial]:
    """A study of F alone, with those complete trials that took no more time a step; and the trial.

    A trial above their median is dominated by half of them: it is not on the Pareto front.
    """
    rivals = optuna.create_study(storage=optuna.storages.InMemoryStorage())
    for other in trial.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        curve = curve_of(other)
        if curve and other.user_attrs.get(PACE, float("inf")) <= pace:
            rivals.add_trial(optuna.create_trial(value=curve[max(curve)], intermediate_values=curve))
    known = curve_of(trial.storage.get_trial(trial._trial_id))
    state = TrialState.RUNNING
    return rivals, optuna.trial.create_trial(state=state, value=None, intermediate_values=known)


def curve_of(trial: optuna.trial.FrozenTrial) -> dict[int, float]:
    """The reports of a trial by step."""
    known = kept(trial, CURVE) or {}
    return trial.intermediate_values or {int(step): value for step, value in known.items()}


def keep(trial: optuna.Trial, name: str, value: Any) -> None:
    """With a trial in the storage, but not on its page; a trial that is tried again inherits it."""
    trial.storage.set_trial_system_attr(trial._trial_id, name, value)


def kept(trial: optuna.trial.FrozenTrial, name: str) -> Any:
    """What was kept of a trial; of studies of earlier versions it is a user attribute."""
    return trial.system_attrs.get(name, trial.user_attrs.get(name.removeprefix("vfe:")))
