"""Runs that somebody has deleted in MLflow: they are told from runs that never were, and may come back."""

import os

from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException

from vfe_lightning.tracking import store


def how_deleted(client: MlflowClient, run_id: str) -> str | None:
    """That a run was deleted, and what restores it; None where it is there, or MLflow does not say."""
    try:
        info = client.get_run(run_id).info
        if info.lifecycle_stage != "deleted":
            return None
        whole = client.get_experiment(info.experiment_id).lifecycle_stage == "deleted"
    except MlflowException as error:
        gone = error.error_code == "RESOURCE_DOES_NOT_EXIST"
        return f"MLflow has no run {run_id} any more" if gone else None
    what = (
        f"experiments restore --experiment-id {info.experiment_id}"
        if whole
        else f"runs restore --run-id {run_id}"
    )
    # The value of the variable, which may hold a password, need not be told to those who have set it.
    where = "" if os.environ.get("MLFLOW_TRACKING_URI") else f"MLFLOW_TRACKING_URI={store.tracking_uri()} "
    deleted = "with its experiment " if whole else ""
    return f"run {run_id[:8]} was deleted {deleted}in MLflow; `{where}mlflow {what}` restores it"


def restorable(client: MlflowClient, beginning: str) -> str | None:
    """The same of the runs whose ids begin so, where one of them was deleted."""
    experiments = [e.experiment_id for e in client.search_experiments(ViewType.ALL)]
    token = None
    while experiments:
        page = client.search_runs(experiments, "", ViewType.DELETED_ONLY, page_token=token)
        for run in page:
            if run.info.run_id.startswith(beginning):
                return how_deleted(client, run.info.run_id)
        if not (token := page.token):
            break
    return None
