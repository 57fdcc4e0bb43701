"""The runs of an SQLite store, read without MLflow, whose import takes longer than all else."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vfe_lightning.analysis.quoted import EARLIER, EXACT, PREFIX, TRAINING
from vfe_lightning.analysis.runs import Listed
from vfe_lightning.declarations.changes import unknown_name
from vfe_lightning.tracking import process, store

if TYPE_CHECKING:
    from mlflow import MlflowClient

SHOWN = ("free_energy", "free_energy_error", EXACT, "excess")
KEYS = [prefix + name for prefix in ("", TRAINING, PREFIX, EARLIER) for name in SHOWN]
TAGS = ["units", "per", *process.TAGS]
AT_ONCE = 500  # run ids in one query


def rows(uri: str, experiment: str | None, limit: int | None) -> list[Listed]:
    """The latest first; those whose process has died are marked so.

    Raises:
        Refused: when there is no such experiment.
    """
    path = store.database_file(uri)
    if path and path.exists():
        with suppress(sqlite3.Error):  # tables that are not those of the MLflow versions that we know
            if some_died(path):
                _swept(uri)
            return from_sqlite(path, experiment, limit)
    from vfe_lightning.analysis.runs import listed

    return listed(_swept(uri), experiment, limit)


def _swept(uri: str) -> "MlflowClient":
    from vfe_lightning.tracking.sweep import sweep

    client = store.connect(uri)
    sweep(client)
    return client


def from_sqlite(path: Path, experiment: str | None, limit: int | None) -> list[Listed]:
    with closing(_opened(path)) as db:
        names = [n for (n,) in db.execute("SELECT name FROM experiments WHERE lifecycle_stage = 'active'")]
        if experiment and experiment not in names:
            raise unknown_name(experiment, names)
        found = db.execute(
            "SELECT r.run_uuid, e.name, r.name, r.status, r.start_time FROM runs r "
            "JOIN experiments e ON e.experiment_id = r.experiment_id "
            "WHERE r.lifecycle_stage = 'active' AND e.lifecycle_stage = 'active' "
            "AND (? IS NULL OR e.name = ?) "
            "ORDER BY r.start_time DESC, r.run_uuid LIMIT ?",
            (experiment, experiment, -1 if limit is None else limit),
        ).fetchall()
        ids = [identity[0] for identity in found]
        metrics = _values(db, "latest_metrics", ids, KEYS)
        tags = _values(db, "tags", ids, TAGS)
    return [Listed.of(identity, metrics[identity[0]], tags[identity[0]]) for identity in found]


def some_died(path: Path) -> bool:
    """Whether a run is called RUNNING whose process is gone."""
    with closing(_opened(path)) as db:
        ids = [i for (i,) in db.execute("SELECT run_uuid FROM runs WHERE status = 'RUNNING'")]
        return any(process.Process.of(tags).is_gone() for tags in _values(db, "tags", ids, TAGS).values())


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)


def _values(
    db: sqlite3.Connection, table: str, ids: list[str], keys: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Of each run, by their keys."""
    keys = list(keys)
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        query = (
            f"SELECT run_uuid, key, value FROM {table} "
            f"WHERE run_uuid IN ({', '.join('?' * len(some))}) AND key IN ({', '.join('?' * len(keys))})"
        )
        for run_id, key, value in db.execute(query, [*some, *keys]):
            found[run_id][key] = value
    return found
