"""Runs that ended without a word, and words that have not reached MLflow yet."""

from mlflow import MlflowClient
from mlflow.entities import Run

from vfe_lightning.tracking.outbox import Outbox, folder
from vfe_lightning.tracking.sessions import ENDED, is_over, owner_of, session_of, silent


def sweep(client: MlflowClient, patient: bool = False) -> list[Run]:
    """Mark runs as KILLED whose process died without a word; returns them.

    Those of other machines only where it is `patient`: they are watched for minutes.
    """
    running = _running(client)
    found = [run for run in running if is_over(run)]
    if patient:
        found += silent(client, [run for run in running if owner_of(run).lives() is None])
    for run in found:
        run_id = run.info.run_id
        client.set_tag(run_id, "vfe.error", "the process ended without a word (kill -9, memory, power)")
        client.set_terminated(run_id, "KILLED")
        client.set_tag(run_id, ENDED, str(session_of(run)))
    return found


def _running(client: MlflowClient) -> list[Run]:
    experiments = [e.experiment_id for e in client.search_experiments()]
    found: list[Run] = []
    token = None
    while experiments:
        page = client.search_runs(experiments, "attributes.status = 'RUNNING'", page_token=token)
        found += page
        if not (token := page.token):
            break
    return found


def deliver(client: MlflowClient) -> tuple[int, int]:
    """Deliver what runs that have ended could not: of how many runs all, and of how many not all."""
    done = left = 0
    for file in sorted(folder().glob("*.jsonl")):
        if not alive(client, file.stem):
            delivered = Outbox(client, file.stem).deliver(at_once=True)
            done, left = done + delivered, left + (not delivered)
    return done, left


def alive(client: MlflowClient, run_id: str) -> bool:
    """Whether the process that writes to a run may still do so."""
    return not owner_of(client.get_run(run_id)).is_gone()
