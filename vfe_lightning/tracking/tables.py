"""All runs and curves of a database store, in as many queries as there are tables.

MLflow's own client asks once for each run and metric, which takes minutes where there are thousands of runs.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunTag
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from vfe_lightning.analysis.export import curves_frame
from vfe_lightning.analysis.quoted import TRAINING, is_quoted
from vfe_lightning.analysis.runs import all_runs
from vfe_lightning.declarations.changes import unknown_name

OF_RUNS = (
    "FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id{join} "
    "WHERE r.lifecycle_stage = 'active' AND e.lifecycle_stage = 'active' "
    "AND (:name IS NULL OR e.name = :name)"
)


def runs_and_curves(client: MlflowClient, uri: str, experiment: str | None) -> tuple[list[Run], pd.DataFrame]:
    """The runs of one or all experiments, the latest first, and their curves: see `curves_frame`.

    Raises:
        Refused: when there is no such experiment.
    """
    if not uri.startswith("http"):
        with suppress(SQLAlchemyError):  # tables that are not those of the MLflow versions that we know
            engine = create_engine(uri)
            try:
                with engine.connect() as connection:
                    return from_tables(connection, experiment)
            finally:
                engine.dispose()
    runs, _ = all_runs(client, experiment)
    return runs, curves_frame(client, runs)


def from_tables(connection: Connection, experiment: str | None) -> tuple[list[Run], pd.DataFrame]:
    names = connection.execute(text("SELECT name FROM experiments WHERE lifecycle_stage = 'active'"))
    if experiment and experiment not in (known := names.scalars().all()):
        raise unknown_name(experiment, known)
    about = {"name": experiment}
    columns = "r.run_uuid, r.experiment_id, r.name, r.status, r.start_time, r.end_time, r.artifact_uri"
    latest = " ORDER BY r.start_time DESC, r.run_uuid"
    found = connection.execute(text(f"SELECT {columns} {OF_RUNS.format(join='')}{latest}"), about).all()
    parts: list[Mapping[str, dict[str, Any]]] = []
    for table, value in (("latest_metrics", number("t")), ("params", "t.value"), ("tags", "t.value")):
        query = f"SELECT t.run_uuid, t.key, {value} {OF_RUNS.format(join=joined(table))}"
        parts.append(by_run(connection.execute(text(query), about)))
    runs = [run_of(row, *(part[row[0]] for part in parts)) for row in found]
    columns = f"t.run_uuid, t.step, t.key, {number('t')}, t.timestamp"
    measured = connection.execute(text(f"SELECT {columns} {OF_RUNS.format(join=joined('metrics'))}"), about)
    # straight from the driver: SQLAlchemy's rows take twice as long, and there may be a million
    return runs, curves_of([row[0] for row in found], measured.cursor.fetchall() if measured.cursor else ())


def joined(table: str) -> str:
    return f" JOIN {table} t ON t.run_uuid = r.run_uuid"


def number(table: str) -> str:
    """MLflow writes 0 for what is no number."""
    return f"CASE WHEN {table}.is_nan THEN NULL ELSE {table}.value END"


def by_run(rows: Iterable[Any]) -> Mapping[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for run, key, value in rows:
        found[run][key] = value
    return found


def run_of(row: Any, metrics: Mapping, params: Mapping, tags: Mapping) -> Run:
    """As MLflow's client has it."""
    run_id, experiment, name, status, start, end, artifacts = row
    numbers = [Metric(k, float("nan") if v is None else v, 0, 0) for k, v in metrics.items()]
    info = RunInfo(run_id, str(experiment), "", status, start, end, "active", artifacts, run_name=name)
    words = [Param(k, v) for k, v in params.items()], [RunTag(k, v) for k, v in tags.items()]
    return Run(info, RunData(numbers, *words))


def curves_of(runs: list[str], rows: Sequence[Any]) -> pd.DataFrame:
    """Of what was measured twice at a step, as in a run that was resumed, the later one counts."""
    long = pd.DataFrame(list(rows), columns=["run", "step", "key", "value", "time"])
    long["run"] = pd.Categorical(long["run"], runs)
    names = {key: key.removeprefix(TRAINING) for key in long["key"].unique() if not is_quoted(key)}
    long["key"] = pd.Categorical([names.get(key) for key in long["key"]], sorted(set(names.values())))
    long = long.dropna(subset="key").sort_values(by=["time"], kind="stable")
    long = long.drop_duplicates(["run", "step", "key"], keep="last")
    wide = long.pivot(index=["run", "step"], columns="key", values="value").sort_index().reset_index()
    return wide.rename(columns=str).rename_axis(columns=None).astype({"run": str})
