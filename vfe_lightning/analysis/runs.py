"""Recorded runs as a pandas table."""

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def table(client: "MlflowClient", experiment: str | None = None, limit: int | None = None) -> pd.DataFrame:
    """One row a run, the latest first; F of a run that did not finish is that of its last step."""
    names = {e.experiment_id: e.name for e in client.search_experiments() if experiment in (None, e.name)}
    runs: list[Run] = []
    token = None
    while names and (limit is None or len(runs) < limit):
        page = client.search_runs(list(names), order_by=["attributes.start_time DESC"], page_token=token)
        runs += page
        if not (token := page.token):
            break
    rows = [_row(run, names[run.info.experiment_id]) for run in runs[:limit]]
    return pd.DataFrame(rows, columns=list(_COLUMNS)).set_index("run")


_COLUMNS = (
    "run",
    "experiment",
    "parameters",
    "F",
    "error",
    "units",
    "reference",
    "excess",
    "status",
    "started",
)


def _row(run: "Run", experiment: str) -> tuple:
    metrics, tags = run.data.metrics, run.data.tags
    quoted = "final/free_energy" if "final/free_energy" in metrics else "free_energy"
    return (
        run.info.run_id[:8],
        experiment,
        run.info.run_name,
        metrics.get(quoted),
        metrics.get(f"{quoted}_error"),
        tags.get("units"),
        metrics.get("final/reference_free_energy"),
        metrics.get("final/excess"),
        run.info.status,
        pd.Timestamp(run.info.start_time, unit="ms").strftime("%Y-%m-%d %H:%M"),
    )
