"""What a run tells MLflow, item by item: metrics, tags, an artifact, a checkpoint, or how the run ended.

Items are plain data, so that they can wait on disk. To deliver one twice does no harm: metrics carry the
time at which they were measured, and MLflow keeps one of two that are the same.
"""

import base64
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, RunTag
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from vfe_lightning.analysis import quoted
from vfe_lightning.errors import Deleted, Refused
from vfe_lightning.tracking import store

Measured = tuple[int, int, Mapping[str, float]]  # step, time in ms, values by name
CURVES = ("free_energy", "free_energy_error", "entropy", "variance", "step_seconds")
QUOTED = tuple(quoted.PREFIX + name for name in ("free_energy", "smc_free_energy", quoted.EXACT))
REFUSED = re.compile(r"[^a-zA-Z0-9_/. -]")  # in the names of metrics
BATCH = 1000  # metrics in one call, the limit of MLflow servers
Item = Mapping[str, Any]  # one key says what it is: see `put`
LASTING = {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "BAD_REQUEST"}


def metric_name(name: str) -> str:
    """A name without the characters that MLflow refuses."""
    return REFUSED.sub("", name)


def artifact(name: str, content: bytes) -> Item:
    return {"artifact": name, "content": base64.b64encode(content).decode()}


def ended(status: str, error: str | None) -> Item:
    return {"status": status, "error": error and error[:500]}


def batches(steps: Sequence[Measured]) -> Iterator[Item]:
    """Metrics of many steps; those of one step are written together or not at all."""
    batch: list[tuple[str, float, int, int]] = []
    for step, when, values in steps:
        if len(batch) + len(values) > BATCH:
            yield {"metrics": batch}
            batch = []
        batch += [(name, float(value), when, step) for name, value in values.items()]
    if batch:
        yield {"metrics": batch}


def put(client: MlflowClient, run_id: str, item: Item) -> None:
    """Deliver one item, and wait until MLflow has it."""
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
    return isinstance(error, OSError | SQLAlchemyError | Refused) and not isinstance(error, Deleted)


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """
    Raises:
        Refused: MLflow takes nothing at present.
    """
    try:
        yield
    except Exception as error:
        if not passing(error) or isinstance(error, Refused):
            raise
        raise Refused(f"{what}: {' '.join(str(error).split())[:300]}") from error


def end_at_once(run_id: str, status: str, error: str) -> None:
    """How a run ended, by a process whose outbox it is not."""
    put(store.connect(store.tracking_uri()), run_id, ended(status, error))
