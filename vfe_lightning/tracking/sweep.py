"""Runs that ended without a word, and words that have not reached MLflow yet."""

import json
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from vfe_lightning.tracking.deleted import how_deleted
from vfe_lightning.tracking.items import ended
from vfe_lightning.tracking.kept import complete
from vfe_lightning.tracking.outbox import Outbox, folder
from vfe_lightning.tracking.sessions import ENDED, is_over, owner_of, session_of, silent

LONGEST = 300  # characters of a reason
SILENT = ended("KILLED", "the process ended without a word (kill -9, memory, power)")


def sweep(client: MlflowClient, patient: bool = False) -> list[Run]:
    """Mark runs as KILLED whose process died without a word; returns them.

    Those of other machines only where it is `patient`: they are watched for minutes.
    """
    running = _running(client)
    kept = {file.stem for file in folder().glob("*.jsonl")}  # among it may be how the run ended
    found = [run for run in running if is_over(run) and (patient or run.info.run_id not in kept)]
    if patient:
        found += silent(client, [run for run in running if owner_of(run).lives() is None])
    return [run for run in found if marked(client, run)]


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


def marked(client: MlflowClient, run: Run) -> bool:
    """Whether MLflow has taken it; of one run that it does not take, the others know nothing."""
    try:
        Outbox(client, run.info.run_id).put(SILENT)
        client.set_tag(run.info.run_id, ENDED, str(session_of(run)))
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
            elif not says_ended(file, run := client.get_run(run_id)) and not is_over(run):
                kept[run_id] = "its process may still write to it"
            elif (outbox := Outbox(client, run_id)).deliver(at_once=True):
                done += 1
            else:
                other = "another process is delivering it"
                kept[run_id] = other if outbox.elsewhere else "MLflow takes nothing"
        except Exception as error:  # the records of one run are not to block those of the others
            kept[run_id] = " ".join(str(error).split())[:LONGEST]
    return done, kept


def says_ended(file: Path, run: Run) -> bool:
    """Whether the latest session of a run has left word that it has ended, among what is kept."""
    last = {ENDED: str(session_of(run))}
    lines = file.read_bytes().splitlines()
    return any(complete(line) and json.loads(line).get("tags") == last for line in lines)
