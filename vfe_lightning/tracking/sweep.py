"""Runs that ended without a word, and words that have not reached MLflow yet."""

from mlflow import MlflowClient
from mlflow.entities import Run

from vfe_lightning.tracking import provenance
from vfe_lightning.tracking.outbox import Outbox, folder


def sweep(client: MlflowClient) -> list[Run]:
    """Mark runs as KILLED whose process on this machine died without a word; returns them."""
    experiments = [e.experiment_id for e in client.search_experiments()]
    found: list[Run] = []
    token = None
    while experiments:
        page = client.search_runs(experiments, "attributes.status = 'RUNNING'", page_token=token)
        found += [run for run in page if provenance.is_gone(run.data.tags)]
        if not (token := page.token):
            break
    for run in found:
        client.set_tag(
            run.info.run_id, "vfe.error", "the process ended without a word (kill -9, memory, power)"
        )
        client.set_terminated(run.info.run_id, "KILLED")
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
    tags = client.get_run(run_id).data.tags
    return not provenance.is_gone(tags)
