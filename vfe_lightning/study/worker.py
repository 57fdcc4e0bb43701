"""A worker takes one trial after the other until enough are finished, by all workers together."""

import json
import os
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import optuna
from optuna.storages import RetryHeartbeatStaleTrialCallback, fail_stale_trials

from vfe_lightning.errors import Interrupted, Pruned, masked
from vfe_lightning.experiment import Experiment
from vfe_lightning.result import Result
from vfe_lightning.study import trial as trials
from vfe_lightning.study import warm
from vfe_lightning.study.plan import StudyPlan
from vfe_lightning.study.storage import finished, open_study, running
from vfe_lightning.study.study_run import StudyRun
from vfe_lightning.study.watch import PACE, RESULT, keep
from vfe_lightning.tracking import store
from vfe_lightning.tracking.quiet import quiet
from vfe_lightning.tracking.stop import GracefulStop

ERROR = "error"  # user attribute of a trial
PATIENCE = 2.0  # seconds between two looks at trials of other workers


@dataclass(frozen=True)
class Order:
    """What the command line asked for.

    Attributes:
        n_trials: to be finished by all workers and restarts together.
        changes: of the experiment of every trial, by their dotted names.
        alone: no other worker was started beside this one: it may show a progress bar.
        parent: the process without which this one is to end.
    """

    url: str
    n_trials: int
    changes: Mapping[str, Any]
    alone: bool = True
    parent: int | None = None


class Worker:
    """Carries out trials of one study; any number of workers may do so at once."""

    def __init__(self, study: StudyPlan, order: Order) -> None:
        quiet()
        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        store.check_reachable(store.tracking_uri())
        self.study, self.order = study, order
        self.opened = open_study(study, order.url, order.changes)
        self.run = StudyRun.open(study, self.opened, order.url, order.n_trials)
        self.stopped: Interrupted | None = None

    def work(self) -> None:
        """Returns when enough trials are finished.

        Raises:
            Interrupted: after SIGINT or SIGTERM; the trial that was running waits to be resumed.
            Refused: when MLflow cannot be reached any more.
        """
        with GracefulStop():
            while not self.enough():
                if self.order.parent and os.getppid() != self.order.parent:
                    raise Interrupted(15, "the program that started this worker has ended")
                if not self.take_one():
                    time.sleep(PATIENCE)
                if self.stopped:
                    raise self.stopped

    def enough(self) -> bool:
        return len(finished(self.opened.get_trials(deepcopy=False))) >= self.order.n_trials

    def take_one(self) -> bool:
        """Carry out one trial, unless those that are running may turn out to be enough."""
        store.check_reachable(store.tracking_uri())
        with ExitStack() as claim:
            claim.enter_context(store.lock(self.order.url))
            fail_stale_trials(self.opened)
            known = self.opened.get_trials(deepcopy=False)
            if len(finished(known)) + len(running(known)) >= self.order.n_trials:
                return False
            if self.study.warm and not warm.offered(self.study, self.opened, known):
                return False
            # With the trial in the storage, the next worker counts it: the claim is over.
            objective = partial(self.objective, claim.close)
            self.opened.optimize(objective, n_trials=1, catch=(Exception,))
        self.run.progress(self.opened)
        return True

    def objective(self, claimed: Callable[[], None], trial: optuna.Trial) -> list[float]:
        claimed()
        try:
            result = self.carry_out(trial)
            values = self.study.objectives_of(result)
        except Interrupted as error:
            self.stopped = error
            trial.set_user_attr(ERROR, str(error))
            RetryHeartbeatStaleTrialCallback(inherit_intermediate_values=True)(
                self.opened, trial.storage.get_trial(trial._trial_id)
            )
            raise
        except Pruned as reason:
            self.run.tell(trial, "PRUNED", str(reason))
            raise optuna.TrialPruned(str(reason)) from reason
        except Exception as error:
            message = masked(f"{type(error).__name__}: {' '.join(str(error).split())}")
            trial.set_user_attr(ERROR, message[:1000])
            self.run.tell(trial, "FAILED", message)
            raise
        keep(trial, RESULT, json.dumps(result.plain()))
        trial.set_user_attr(PACE, result.seconds_per_step)
        for name in self.study.objectives:
            if (error := result.number(name)[1]) > 0:
                trial.set_user_attr(f"{name}_error", error)
        self.run.tell(trial, "COMPLETE", self.run.in_words(result))
        return values

    def carry_out(self, trial: optuna.Trial) -> Result:
        experiment = declared(self.study, trial, self.order.changes)
        if not self.order.alone:
            experiment = experiment.vary(**{"trainer.progress_bar": False})
        filing, budget = self.run.filing(trial), experiment.trainer
        others = self.opened.get_trials(deepcopy=False)
        start = warm.start_of(self.study, others, trial.user_attrs) if self.study.warm else None
        if budget.devices > 1 or budget.strategy == "ddp":
            return trials.in_own_processes(self.study, self.order.url, trial, experiment, filing, start)
        known = trial.user_attrs.get(trials.RUN)
        return trials.carry_out(self.study, trial, experiment, filing, known, self.order.parent, start)


def declared(study: StudyPlan, trial: optuna.Trial, changes: Mapping[str, Any]) -> Experiment:
    """The experiment of a trial.

    Raises:
        Refused: when the trial and the command line together make none.
    """
    return study.experiment(trial).vary(**changes)
