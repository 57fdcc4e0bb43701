"""What a run has to say to MLflow, in order and without loss, whether or not MLflow answers.

What cannot be delivered is kept on disk, under mlruns/undelivered, and tried again: while the run
goes on, when it is resumed, and by `python -m vfe_lightning sweep`. To deliver twice does no harm:
metrics carry the time at which they were measured, and MLflow keeps one of two that are the same.
"""

import base64
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, RunTag
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from vfe_lightning.errors import Refused, masked
from vfe_lightning.tracking import store

Item = Mapping[str, Any]  # one key says what it is: see `put`
PAUSE = 20.0  # seconds between two attempts while MLflow does not answer
LASTING = {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "BAD_REQUEST"}


class Outbox:
    """Of one run: one process writes to it at a time."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client, self.run_id = client, run_id
        self.file = folder() / f"{run_id}.jsonl"
        self.next_attempt = 0.0

    def send(self, item: Item) -> None:
        """Deliver an item after all that came before it, or keep it on disk.

        Raises:
            OSError: when it can be neither delivered nor kept.
        """
        if self.file.exists():
            self.keep(item)
            self.deliver()
            return
        try:
            put(self.client, self.run_id, item)
        except Exception as error:
            if not passing(error):
                raise
            self.keep(item)
            self.next_attempt = time.monotonic() + PAUSE
            reason = masked(" ".join(str(error).split()))[:160]
            print(f"MLflow takes nothing ({reason}): records are kept in {self.file}", file=sys.stderr)

    def keep(self, item: Item) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a") as file:
            file.write(json.dumps(item) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def deliver(self, at_once: bool = False) -> bool:
        """Try to deliver all that is kept, if it is time to: whether nothing is kept any more."""
        if not self.file.exists():
            return True
        if time.monotonic() < self.next_attempt and not at_once:
            return False
        items = [json.loads(line) for line in self.file.read_text().splitlines() if complete(line)]
        try:
            store.check_reachable(store.tracking_uri())
            while items:
                put(self.client, self.run_id, items[0])
                items.pop(0)
        except Exception as error:
            if not passing(error):
                raise
            self.next_attempt = time.monotonic() + PAUSE
            rest = self.file.with_suffix(".rest")
            rest.write_text("".join(json.dumps(item) + "\n" for item in items))
            os.replace(rest, self.file)
            return False
        self.file.unlink()
        print(
            f"MLflow answers again: all that was kept of run {self.run_id[:8]} is delivered", file=sys.stderr
        )
        return True


def folder() -> Path:
    return store.project_root() / "mlruns" / "undelivered"


def complete(line: str) -> bool:
    """Whether a line was written to its end before the process died."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def artifact(name: str, content: bytes) -> Item:
    return {"artifact": name, "content": base64.b64encode(content).decode()}


def put(client: MlflowClient, run_id: str, item: Item) -> None:
    """Deliver one item: metrics, tags, an artifact, a checkpoint, or how the run ended."""
    if "metrics" in item:
        client.log_batch(run_id, metrics=[Metric(*metric) for metric in item["metrics"]])
    elif "tags" in item:
        client.log_batch(run_id, tags=[RunTag(name, value) for name, value in item["tags"].items()])
    elif "artifact" in item:
        place = Path(item["artifact"])
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / place.name
            path.write_bytes(base64.b64decode(item["content"]))
            client.log_artifact(run_id, str(path), None if str(place.parent) == "." else str(place.parent))
    elif "checkpoint" in item:
        if Path(item["checkpoint"]).exists():  # it may have made room for later ones
            client.log_artifact(run_id, item["checkpoint"], "checkpoints")
    else:
        if item["error"] and "vfe.error" not in client.get_run(run_id).data.tags:
            client.set_tag(run_id, "vfe.error", item["error"])
        client.set_terminated(run_id, item["status"])


def passing(error: Exception) -> bool:
    """Whether the same may succeed later: a server that is away, a disk that is full, a lock."""
    if isinstance(error, MlflowException):
        return error.error_code not in LASTING
    return isinstance(error, OSError | SQLAlchemyError | Refused)
