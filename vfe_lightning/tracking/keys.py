"""Runs by a key that the user chose: the same command makes the run, and goes on with it ever after."""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from vfe_lightning.errors import Refused
from vfe_lightning.tracking import store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

KEY = "vfe.run_key"  # tag


def checked(key: str) -> str:
    """
    Raises:
        Refused: it is no key.
    """
    if not re.fullmatch(r"[\w.:/@+=,-]{1,200}", key):
        raise Refused(f"--run_key {key!r} is not allowed: up to 200 letters, digits and . : / @ + = , - _")
    return key


def with_key(client: "MlflowClient", experiment: str, key: str) -> "Run | None":
    """The run of this key in an MLflow experiment, if it has been made and not deleted."""
    filed = client.get_experiment_by_name(experiment)
    return _first(client, filed.experiment_id, key) if filed else None


def make(
    client: "MlflowClient", uri: str, experiment_id: str, run_name: str, tags: Mapping[str, str]
) -> "Run":
    """A new run, and only one of each key.

    Raises:
        Refused: there is one with the key in its tags.
    """
    key = tags.get(KEY)
    if not key:
        return client.create_run(experiment_id, run_name=run_name, tags=dict(tags))
    with _lock(uri):
        if found := _first(client, experiment_id, key):
            run_id = found.info.run_id[:8]
            raise Refused(f"run {run_id} with the key {key} has just been made by another process")
        return client.create_run(experiment_id, run_name=run_name, tags=dict(tags))


def _first(client: "MlflowClient", experiment_id: str, key: str) -> "Run | None":
    query = f"tags.`{KEY}` = '{checked(key)}'"
    order = ["attributes.start_time ASC"]
    found = client.search_runs([experiment_id], query, order_by=order, max_results=1)
    return found[0] if found else None


def _lock(uri: str) -> AbstractContextManager:
    """That of the store; behind a server, which has none to offer, of all who share the project's folder."""
    if not uri.startswith("http"):
        return store.lock(uri)
    from filelock import FileLock

    folder = store.project_root() / "mlruns"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / "keys.lock")
