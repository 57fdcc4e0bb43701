"""Runs that go on: which one is meant, what it declared, and whether it may."""

import json
from pathlib import Path

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Refused
from vfe_lightning.tracking import store
from vfe_lightning.tracking.checkpoints import checkpoints_in
from vfe_lightning.tracking.record import DECLARATION, checkpoint_folder

EXTENDABLE = (
    "trainer.max_steps",
    "trainer.evaluation_batches",
    "trainer.checkpoint_every",
    "trainer.progress_bar",
    "trainer.threads",
)


def find_run(client: MlflowClient, beginning: str) -> Run:
    """The run whose id begins so.

    Raises:
        Refused: when there is no such run, or more than one.
    """
    experiments = [e.experiment_id for e in client.search_experiments()]
    runs, token = [], None
    while experiments:
        page = client.search_runs(experiments, max_results=1000, page_token=token)
        runs += [run for run in page if run.info.run_id.startswith(beginning)]
        if not (token := page.token):
            break
    if len(runs) == 1:
        return runs[0]
    if not runs:
        raise Refused(f"no run {beginning}: `python -m vfe_lightning runs` lists them")
    raise Refused(
        f"{len(runs)} runs begin with {beginning}: " + ", ".join(r.info.run_id[:12] for r in runs[:5])
    )


def declaration_of(run: Run, experiment: DeclaredExperiment) -> DeclaredExperiment | None:
    """What a run declared; None of one that was killed while it was made.

    Raises:
        Refused: when it is a run of another experiment.
    """
    run_id = run.info.run_id
    path = checkpoint_folder(run.info).parent / DECLARATION
    if not path.exists():
        if "name" not in run.data.params:
            return None
        path = download_artifacts(run_id=run_id, artifact_path=DECLARATION, tracking_uri=store.tracking_uri())
    data = json.loads(Path(path).read_text())
    if data["name"] != experiment.name:
        source = run.data.tags.get("mlflow.source.name", "")
        again = f"python {source if source.endswith('.py') else f'-m {source}'} --resume {run_id[:8]}"
        raise Refused(f"run {run_id[:8]} is of {data['name']}: {again}")
    return experiment.redeclared(data)


def check_may_resume(run: Run, recorded: DeclaredExperiment, wanted: DeclaredExperiment) -> None:
    """A run goes on as it was declared; only its budget may grow.

    Raises:
        Refused: when something else differs.
    """
    run_id = run.info.run_id[:8]
    before = recorded.parameters()
    for name, value in wanted.parameters().items():
        if value != before.get(name) and name not in EXTENDABLE and not name.startswith("tags."):
            raise Refused(
                f"{name} = {value} is not that of run {run_id}, {before.get(name)}: "
                f"a resumed run may change only {', '.join(EXTENDABLE)}; for anything else start a new run "
                f"from its parameters, with --init_from {run_id}"
            )


def is_done(run: Run, recorded: DeclaredExperiment, wanted: DeclaredExperiment, step: int) -> bool:
    """Whether nothing is left to do: trained to its last step, and evaluated as often as wanted."""
    again = wanted.trainer.evaluation_batches != recorded.trainer.evaluation_batches
    return run.info.status == "FINISHED" and step == wanted.trainer.max_steps and not again


def may_go_on(run_id: str) -> bool:
    """Whether a run that ended early has left a checkpoint."""
    info = store.connect(store.tracking_uri()).get_run(run_id).info
    return info.status != "FINISHED" and bool(checkpoints_in(checkpoint_folder(info)))
