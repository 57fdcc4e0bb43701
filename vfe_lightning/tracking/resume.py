"""Runs that go on: which one is meant, what it declared, and whether it may."""

import json
from pathlib import Path

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Refused
from vfe_lightning.tracking import provenance, store
from vfe_lightning.tracking.checkpoints import checkpoints_in, latest
from vfe_lightning.tracking.deleted import restorable
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
        if how := restorable(client, beginning):
            raise Refused(how)
        raise Refused(f"no run {beginning}: `python -m vfe_lightning runs` lists them")
    raise Refused(
        f"{len(runs)} runs begin with {beginning}: " + ", ".join(r.info.run_id[:12] for r in runs[:5])
    )


def recorded_experiment(experiment: DeclaredExperiment, beginning: str) -> DeclaredExperiment:
    """What a run declared, in place of the defaults of its experiment.

    Raises:
        Refused: when it is a run of another experiment.
    """
    uri = store.tracking_uri()
    store.check_reachable(uri)
    run = find_run(store.connect(uri), beginning)
    local = checkpoint_folder(run.info).parent / DECLARATION
    path = (
        local
        if local.exists()
        else download_artifacts(run_id=run.info.run_id, artifact_path=DECLARATION, tracking_uri=uri)
    )
    data = json.loads(Path(path).read_text())
    if data["name"] != experiment.name:
        source = run.data.tags.get("mlflow.source.name", "")
        again = f"python {source if source.endswith('.py') else f'-m {source}'} --resume {beginning}"
        raise Refused(f"run {beginning} is of {data['name']}: {again}")
    return experiment.redeclared(data)


def check_may_resume(run: Run, recorded: DeclaredExperiment, wanted: DeclaredExperiment, step: int) -> None:
    """A run goes on as it was declared; only its budget may grow.

    Raises:
        Refused: when something else differs, it is done, or it still runs.
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
    if run.info.status == "RUNNING" and not provenance.is_gone(run.data.tags):
        process, host = run.data.tags.get("vfe.pid"), run.data.tags.get("vfe.host")
        raise Refused(f"run {run_id} is still running: process {process} on {host}")
    again = wanted.trainer.evaluation_batches != recorded.trainer.evaluation_batches
    if step > wanted.trainer.max_steps or (
        step == wanted.trainer.max_steps and run.info.status == "FINISHED" and not again
    ):
        raise Refused(
            f"run {run_id} is at step {step} of {wanted.trainer.max_steps}: raise --trainer.max_steps to go "
            "on, or change --trainer.evaluation_batches to evaluate it again"
        )


def resumed(experiment: DeclaredExperiment, beginning: str, check: bool) -> tuple[str, Path]:
    """The run and the checkpoint to go on from; rank 0 checks that it may."""
    run = find_run(store.connect(store.tracking_uri()), beginning)
    checkpoint = latest(checkpoint_folder(run.info), run.info.run_id)
    if check:
        import torch

        step = torch.load(checkpoint, map_location="cpu", weights_only=True)["global_step"]
        check_may_resume(run, recorded_experiment(experiment, run.info.run_id), experiment, step)
    return run.info.run_id, checkpoint


def may_go_on(run_id: str) -> bool:
    """Whether a run that ended early has left a checkpoint."""
    info = store.connect(store.tracking_uri()).get_run(run_id).info
    return info.status != "FINISHED" and bool(checkpoints_in(checkpoint_folder(info)))
