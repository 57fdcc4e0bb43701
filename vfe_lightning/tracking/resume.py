"""Runs that go on: what one declared, and whether it may."""

from mlflow.entities import Run

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Refused
from vfe_lightning.tracking import store
from vfe_lightning.tracking.artifacts import declaration
from vfe_lightning.tracking.checkpoints import checkpoints_in, sound
from vfe_lightning.tracking.places import checkpoint_folder

EXTENDABLE = (
    "trainer.max_steps",
    "trainer.evaluation_batches",
    "trainer.checkpoint_every",
    "trainer.progress_bar",
    "trainer.threads",
    "trainer.accelerator",
)


def declaration_of(run: Run, experiment: DeclaredExperiment) -> DeclaredExperiment | None:
    """What a run declared; None of one that was killed while it was made.

    Raises:
        Refused: when it is a run of another experiment, or nothing says what it declared.
    """
    run_id = run.info.run_id[:8]
    if "name" not in run.data.params and not checkpoints_in(checkpoint_folder(run.info)):
        return None
    data = declaration(run)
    if data["name"] != experiment.name:
        source = run.data.tags.get("mlflow.source.name", "")
        again = f"python {source if source.endswith('.py') else f'-m {source}'} --resume {run_id}"
        raise Refused(f"run {run_id} is of {data['name']}: {again}")
    try:
        return experiment.redeclared(data)
    except Refused:
        raise
    except ValueError as error:
        changed = f"run {run_id} was declared otherwise than {experiment.name} is by now"
        raise Refused(f"{changed}: {error}") from error


def check_may_resume(run: Run, recorded: DeclaredExperiment, wanted: DeclaredExperiment) -> None:
    """A run goes on as it was declared; only its budget may grow.

    Raises:
        Refused: when something else differs.
    """
    run_id = run.info.run_id[:8]
    before = recorded.parameters()
    for name, value in wanted.parameters().items():
        allowed = name in EXTENDABLE or name.startswith(("tags.", "evaluation."))
        if value != before.get(name) and not allowed:
            raise Refused(
                f"{name} = {value} is not that of run {run_id}, {before.get(name)}: "
                f"a resumed run may change only {', '.join(EXTENDABLE)} and evaluation; for anything else "
                f"start a new run from its parameters, with --init_from {run_id}"
            )


def is_done(run: Run, recorded: DeclaredExperiment, wanted: DeclaredExperiment) -> bool:
    """Whether it has ended well, and was evaluated as often as wanted."""
    again = wanted.trainer.evaluation_batches != recorded.trainer.evaluation_batches
    again |= wanted.evaluation != recorded.evaluation
    return run.info.status == "FINISHED" and not again


def may_go_on(run_id: str) -> bool:
    """Whether a run that ended early has left a checkpoint that can be read."""
    info = store.connect(store.tracking_uri()).get_run(run_id).info
    return info.status != "FINISHED" and sound(checkpoint_folder(info))[0] is not None
