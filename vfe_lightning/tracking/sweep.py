"""Runs that ended without a word, and words that have not reached MLflow yet."""

from mlflow import MlflowClient
from mlflow.entities import Run

from vfe_lightning.tracking import provenance
from vfe_lightning.tracking.deleted import how_deleted
from vfe_lightning.tracking.items import ended
from vfe_lightning.tracking.outbox import Outbox, folder

LONGEST = 300  # characters of a reason
SILENT = ended("KILLED", "the process ended without a word (kill -9, memory, power)")


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
    return [run for run in found if marked(client, run.info.run_id)]


def marked(client: MlflowClient, run_id: str) -> bool:
    """Whether MLflow has taken it; of one run that it does not take, the others know nothing."""
    try:
        Outbox(client, run_id).put(SILENT)
    except Exception:
        return False
    return True


def deliver(client: MlflowClient) -> tuple[int, dict[str, str]]:
    """Deliver what runs that have ended could not.

    Returns:
        Of how many runs all was delivered; and of each other one, by its id, why not.
    """
    done, kept = 0, {}
    for file in sorted(folder().glob("*.jsonl")):
        run_id = file.stem
        try:
            if how := how_deleted(client, run_id):
                kept[run_id] = how
            elif provenance.is_gone(client.get_run(run_id).data.tags):
                if Outbox(client, run_id).deliver(at_once=True):
                    done += 1
                else:
                    kept[run_id] = "MLflow takes nothing"
        except Exception as error:  # the records of one run are not to block those of the others
            kept[run_id] = " ".join(str(error).split())[:LONGEST]
    return done, kept
