"""Recorded runs as a pandas table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from vfe_lightning.analysis.results import units_of_run
from vfe_lightning.declarations.changes import unknown_name

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from vfe_lightning.analysis.comparison import Curve


def table(client: "MlflowClient", experiment: str | None = None, limit: int | None = None) -> pd.DataFrame:
    """One row a run, the latest first; F of a run that did not finish is that of its last step."""
    runs, names = all_runs(client, experiment, limit)
    rows = [_row(run, names[run.info.experiment_id]) for run in runs]
    return pd.DataFrame(rows, columns=list(_COLUMNS)).set_index("run")


def all_runs(
    client: "MlflowClient", experiment: str | None = None, limit: int | None = None
) -> tuple[list["Run"], dict[str, str]]:
    """The runs of one or all experiments, the latest first, and the experiments' names by their ids.

    Raises:
        Refused: when there is no such experiment.
    """
    names = {e.experiment_id: e.name for e in client.search_experiments() if experiment in (None, e.name)}
    if experiment and not names:
        raise unknown_name(experiment, [e.name for e in client.search_experiments()])
    runs: list[Run] = []
    token = None
    while names and (limit is None or len(runs) < limit):
        page = client.search_runs(list(names), order_by=["attributes.start_time DESC"], page_token=token)
        runs += page
        if not (token := page.token):
            break
    return runs[:limit], names


def curve(client: "MlflowClient", run: "Run", names: Sequence[str]) -> "Curve":
    """F of a run by step, labelled by its id and by the parameters of these names."""
    from vfe_lightning.analysis.comparison import Curve

    def history(metric: str) -> dict[int, float]:
        return {m.step: m.value for m in client.get_metric_history(run.info.run_id, metric)}

    short = " ".join(f"{name.rpartition('.')[2]}={run.data.params.get(name, '')}" for name in names[:4])
    return Curve(
        label=f"{run.info.run_id[:8]} {short}".strip(),
        free_energy=history("free_energy"),
        error=history("free_energy_error"),
        units=units_of_run(run.data.tags),
        reference=run.data.metrics.get("final/reference_free_energy"),
    )


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
        units_of_run(tags),
        metrics.get("final/reference_free_energy"),
        metrics.get("final/excess"),
        run.info.status,
        pd.Timestamp(run.info.start_time, unit="ms").strftime("%Y-%m-%d %H:%M"),
    )
