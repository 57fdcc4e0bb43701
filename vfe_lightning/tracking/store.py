"""Where runs are recorded: by default an SQLite store and artifacts, both under mlruns/."""

import os
import socket
import sqlite3
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vfe_lightning.errors import Refused

if TYPE_CHECKING:
    from mlflow import MlflowClient

PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
PATIENCE = 3.0  # seconds to wait for a server


def project_root() -> Path:
    """VFE_HOME; else the checkout that this package is in; else the working directory."""
    if home := os.environ.get("VFE_HOME"):
        return Path(home).resolve()
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, or mlruns/mlflow.db of the project; always absolute."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{project_root() / 'mlruns' / 'mlflow.db'}"
    path = database_file(uri)
    return f"sqlite:///{path}" if path else uri


def database_file(uri: str) -> Path | None:
    """The file of an SQLite store."""
    return Path(uri.removeprefix("sqlite:///")).resolve() if uri.startswith("sqlite:///") else None


def check_reachable(uri: str) -> None:
    """Fail in seconds where MLflow would try again for minutes.

    Raises:
        Refused: when the server does not answer or the folder cannot be written to.
    """
    if path := database_file(uri):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not os.access(path.parent, os.W_OK):
                raise PermissionError(f"{path.parent} is read-only")
        except OSError as error:
            raise Refused(
                f"cannot record runs in {uri}: {error}; set MLFLOW_TRACKING_URI or VFE_HOME"
            ) from error
        return
    parts = urlsplit(uri)
    scheme = parts.scheme.partition("+")[0]
    if scheme not in PORTS or parts.hostname is None:
        raise Refused(f"MLFLOW_TRACKING_URI = {uri} is not allowed: http(s)://, sqlite:/// or postgresql://")
    try:
        socket.create_connection((parts.hostname, parts.port or PORTS[scheme]), PATIENCE).close()
    except OSError as error:
        raise Refused(f"no answer from MLFLOW_TRACKING_URI = {uri}: {error}") from error


def lock(uri: str) -> AbstractContextManager:
    """Held while a store is made: MLflow's migrations and get-or-create are races between processes."""
    from filelock import FileLock

    path = database_file(uri)
    return FileLock(f"{path}.lock") if path else nullcontext()


def connect(uri: str) -> "MlflowClient":
    """A client of the store, which is created if need be.

    Raises:
        Refused: when MLflow cannot use the store.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    path = database_file(uri)
    try:
        with lock(uri):
            if path and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                with closing(sqlite3.connect(path)) as database:  # readers do not wait for writers
                    database.execute("PRAGMA journal_mode=WAL")
            client = MlflowClient(uri)
            client.search_experiments(max_results=1)
            return client
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise Refused(f"MLflow cannot use {uri}: {str(error).strip().splitlines()[0]}") from error


def experiment_id(client: "MlflowClient", uri: str, name: str) -> str:
    """The id of an MLflow experiment, which is created, or restored where it was deleted."""
    with lock(uri):
        if found := client.get_experiment_by_name(name):
            if found.lifecycle_stage == "deleted":
                client.restore_experiment(found.experiment_id)
            return found.experiment_id
        return client.create_experiment(name, artifact_location=_artifact_location(uri))


def _artifact_location(uri: str) -> str | None:
    """Beside an SQLite file, under the project for other databases; a server has its own place."""
    if uri.startswith("http"):
        return None
    path = database_file(uri)
    return ((path.parent if path else project_root() / "mlruns") / "artifacts").as_uri()
