"""Runs by a key that the user chose: the same command makes the run, and goes on with it ever after."""

import re
import time
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING

from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException

from vfe_lightning.errors import Refused
from vfe_lightning.tracking import store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

KEY = "vfe.run_key"  # tag
CLAIM = "vfe.run_key"  # names of MLflow experiments that are deleted as soon as they are made
LOCKED = ("sqlite", "postgresql")  # stores that have a lock for all who use them
AWAITED, PAUSE = 30.0, 0.5  # seconds for the run of a claim to come, and between two looks


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
    with store.lock(uri):
        _refuse_another(client, experiment_id, key)
        locked = uri.startswith(LOCKED)
        if not locked:
            _claim(client, experiment_id, key)
        run = client.create_run(experiment_id, run_name=run_name, tags=dict(tags))
        if not locked:
            _withdraw_beside_another(client, run, key)
        return run


def _claim(client: "MlflowClient", experiment_id: str, key: str) -> None:
    """The right to make the run of a key, where the store has no lock.

    Nobody can make an experiment of a name that there is, or that there was and is deleted: to make one is
    an atomic step. A claim whose run does not come is of a process that died; the next has another number.

    Raises:
        Refused: another process was faster.
    """
    for number in count(1):
        try:
            claim = client.create_experiment(f"{CLAIM}/{experiment_id}/{key}/{number}")
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            _await(client, experiment_id, key, number)
            continue
        client.delete_experiment(claim)  # out of sight
        _refuse_another(client, experiment_id, key)
        return


def _withdraw_beside_another(client: "MlflowClient", run: "Run", key: str) -> None:
    """Of a process that hung between its claim and its run, for longer than others wait for a claim.

    Raises:
        Refused: another process has made a run meanwhile; this one is deleted.
    """
    found = client.search_runs([run.info.experiment_id], _of(key))
    if others := [other for other in found if other.info.run_id != run.info.run_id]:
        client.delete_run(run.info.run_id)
        raise _made_by_another(others[0], key)


def _await(client: "MlflowClient", experiment_id: str, key: str, number: int) -> None:
    """Let the holder of a claim make its run, unless that was made and deleted again."""
    if len(client.search_runs([experiment_id], _of(key), ViewType.ALL)) >= number:
        return
    end = time.monotonic() + AWAITED
    while time.monotonic() < end:
        _refuse_another(client, experiment_id, key)
        time.sleep(PAUSE)


def _refuse_another(client: "MlflowClient", experiment_id: str, key: str) -> None:
    if found := _first(client, experiment_id, key):
        raise _made_by_another(found, key)


def _made_by_another(run: "Run", key: str) -> Refused:
    return Refused(f"run {run.info.run_id[:8]} with the key {key} has just been made by another process")


def _first(client: "MlflowClient", experiment_id: str, key: str) -> "Run | None":
    order = ["attributes.start_time ASC"]
    found = client.search_runs([experiment_id], _of(key), order_by=order, max_results=1)
    return found[0] if found else None


def _of(key: str) -> str:
    return f"tags.`{KEY}` = '{checked(key)}'"
