"""Which run a command is about: a new one, one that goes on, or one that is done already."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from mlflow import MlflowClient
from mlflow.entities import Run

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Refused
from vfe_lightning.result import Result
from vfe_lightning.tracking import store
from vfe_lightning.tracking.checkpoints import Found, checkpoints_in, latest, layout_of
from vfe_lightning.tracking.keys import KEY, with_key
from vfe_lightning.tracking.lookup import find_run
from vfe_lightning.tracking.record import Record
from vfe_lightning.tracking.resume import check_may_resume, declaration_of, is_done
from vfe_lightning.tracking.sessions import free
from vfe_lightning.tracking.stored import stored

STARTED_FROM = "vfe.init_from"  # tag


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Attributes:
        resume: id of a run, or its beginning.
        run_key: of the run that goes on, if there is one.
        take_over: at once, although its process may still live.
        init_from: a run whose parameters are the start.
        filed: the MLflow experiment that has the run of the key, if not one of the experiment's name.
    """

    resume: str | None = None
    run_key: str | None = None
    take_over: bool = False
    init_from: str | None = None
    filed: str | None = None

    def check(self) -> None:
        """
        Raises:
            Refused: for what contradicts itself.
        """
        if self.run_key == "":
            raise Refused("--run_key is empty: it names the run")
        if self.resume and self.run_key:
            raise Refused("--resume names a run by its id, --run_key by its key: give one of them")
        if self.resume and self.init_from:
            raise Refused("--resume goes on with a run, --init_from starts another one: give one of them")
        if self.take_over and not (self.resume or self.run_key):
            raise Refused("--take_over needs a run: --resume RUN or --run_key KEY")

    def tags(self) -> dict[str, str]:
        """Of a run that is made for it, from its first moment."""
        known = {KEY: self.run_key, STARTED_FROM: self.init_from}
        return {name: value for name, value in known.items() if value}


class Opened(NamedTuple):
    """What all ranks have to know: an existing run, and the checkpoint to go on from if it has one.

    `layout` is that of the checkpoint, which only the rank that finds it reads before the trainer does.
    """

    run_id: str | None = None
    checkpoint: str | None = None
    done: bool = False
    layout: str | None = None


def meant(client: MlflowClient, experiment: DeclaredExperiment, wanted: Wanted) -> Run | None:
    """The run that was asked for; None where it is still to be made.

    Raises:
        Refused: there is no such run.
    """
    if wanted.run_key:
        return with_key(client, wanted.filed or experiment.name, wanted.run_key)
    return find_run(client, wanted.resume) if wanted.resume else None


def recorded_experiment(experiment: DeclaredExperiment, wanted: Wanted) -> DeclaredExperiment:
    """What the run declared, in place of the defaults of its experiment.

    Raises:
        Refused: when it is a run of another experiment.
    """
    wanted.check()
    uri = store.tracking_uri()
    store.check_reachable(uri)
    run = meant(store.connect(uri), experiment, wanted)
    return (declaration_of(run, experiment) if run else None) or experiment


def opened(
    experiment: DeclaredExperiment, wanted: Wanted, claim: Callable[[MlflowClient, Run], Record]
) -> Opened:
    """Find and claim the run that was asked for, on the rank that records it.

    Raises:
        Refused: there is no such run, it is not as declared, or another process writes to it.
    """
    wanted.check()
    if not (wanted.resume or wanted.run_key):
        return Opened()
    client = store.connect(store.tracking_uri())
    run = meant(client, experiment, wanted)
    if run is None:
        return Opened()
    run_id = run.info.run_id
    declared = declaration_of(run, experiment)
    if declared:
        check_may_resume(run, declared, experiment)
    same = declared and declared.trainer.max_steps == experiment.trainer.max_steps
    if wanted.run_key and declared and same and is_done(run, declared, experiment):
        return Opened(run_id, done=True)
    run = free(client, run_id, wanted.take_over)
    found = _found(run, claim(client, run), declared or experiment)
    step = found.held["global_step"] if found else 0
    if declared and (
        step > experiment.trainer.max_steps
        or (step == experiment.trainer.max_steps and is_done(run, declared, experiment))
    ):
        raise Refused(
            f"run {run_id[:8]} is at step {step} of {experiment.trainer.max_steps}: raise "
            "--trainer.max_steps to go on, or change --trainer.evaluation_batches to evaluate it again"
        )
    return (
        Opened(run_id, str(found.path), layout=layout_of(found.held["state_dict"]))
        if found
        else Opened(run_id)
    )


def finished(run_id: str) -> Result:
    """The results of a run that is done.

    Raises:
        Refused: they are missing or damaged.
    """
    result = stored(run_id).result
    if result is None:
        raise Refused(
            f"run {run_id[:8]} is finished, and its results are missing or damaged: another "
            "--trainer.evaluation_batches evaluates it again"
        )
    return result


def _found(run: Run, record: Record, declared: DeclaredExperiment) -> Found | None:
    """Where the run goes on; None of one that was killed before it had saved anything."""
    folder = record.checkpoints
    if checkpoints_in(folder):
        return latest(folder, run.info.run_id)
    known = record.client.get_metric_history(record.run_id, f"{record.training}free_energy")
    steps = max((metric.step for metric in known), default=0)
    if steps > declared.trainer.checkpoint_every:
        raise Refused(
            f"run {run.info.run_id[:8]} has recorded {steps} steps and no checkpoint is in {folder}"
        )
    return None
