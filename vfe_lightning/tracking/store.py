"""Where runs are recorded: by default an SQLite store and artifacts, both under mlruns/."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from vfe_lightning.errors import Refused
from vfe_lightning.tracking.answers import ask
from vfe_lightning.tracking.uri import absolute, database_file, expanded, forget_escaped, of_file, server_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

STORE = Path("mlruns", "mlflow.db")  # below the root of a project
NOTE = "mlflow.note.content"  # the description of a run or an experiment
LONGEST = 5000  # characters of it, which all databases and versions of MLflow take
PATIENCE = 3.0  # seconds to wait for a server


def project_root() -> Path:
    """VFE_HOME; else the checkout that this package is in; else the folder, from here upwards, with a store.

    A store of somebody else, as in a folder for all, is none of ours; without one: the working directory.
    """
    if home := os.environ.get("VFE_HOME"):
        return expanded(home).resolve()
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").exists():
        return checkout
    here = Path.cwd()
    return next(filter(_has_store, (here, *here.parents)), here)


def _has_store(folder: Path) -> bool:
    try:
        return (folder / STORE).stat().st_uid == os.getuid()
    except OSError:
        return False


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, or mlruns/mlflow.db of the project; always absolute."""
    return absolute(os.environ.get("MLFLOW_TRACKING_URI") or of_file(project_root() / STORE))


def local_folder(uri: str) -> Path:
    """Where what a store leaves lies on this machine: beside an SQLite file, else under the project."""
    path = database_file(uri)
    return path.parent if path else project_root() / STORE.parent


def check_reachable(uri: str, name: str = "MLFLOW_TRACKING_URI", patience: float = PATIENCE) -> None:
    """Fail in seconds where MLflow would try again for minutes.

    Raises:
        Refused: when the server does not answer, though it may take connections, or the file cannot be
            written to.
    """
    if path := database_file(uri):
        try:
            make_folder(path.parent)
            if path.is_dir():
                raise IsADirectoryError(f"{path} is a folder")
            for place in (path.parent, path):
                if place.exists() and not os.access(place, os.W_OK):
                    raise PermissionError(f"{place} is read-only")
        except OSError as error:
            raise Refused(f"cannot record runs in {uri}: {error}; set {name} or VFE_HOME") from error
        return
    server_of(uri, name)
    try:
        ask(uri, patience)
    except OSError as error:
        raise Refused(f"no answer from {name} = {uri}: {error}") from error


def make_folder(folder: Path) -> None:
    """A folder of a store, which is its owner's, and the group's where the umask lets a group write."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        umask = os.umask(0)
        os.umask(umask)
        folder.mkdir(mode=0o770 & ~umask if not umask & 0o020 else 0o700, exist_ok=True)


def lock(uri: str) -> AbstractContextManager:
    """Held while a store is made: migrations and get-or-create are races between processes.

    Over all processes of this machine for SQLite, of all machines for PostgreSQL; a server has its own.
    """
    from filelock import FileLock

    if path := database_file(uri):
        make_folder(path.parent)
        return FileLock(f"{path}.lock")
    return _postgres_lock(uri) if uri.startswith("postgresql") else nullcontext()


@contextmanager
def _postgres_lock(uri: str) -> Iterator[None]:
    """An advisory lock, which PostgreSQL releases when its holder dies."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    engine = create_engine(uri, poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(7066)"))
        yield


def make_database(uri: str) -> None:
    """The file of an SQLite store, in the mode in which readers do not wait for writers."""
    path = database_file(uri)
    if path and not path.exists():
        make_folder(path.parent)
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA journal_mode=WAL")


def connect(uri: str) -> "MlflowClient":
    """A client of the store, which is created if need be; of SQLite the artifacts lie beside the file.

    Raises:
        Refused: when MLflow cannot use the store.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    from vfe_lightning.tracking.relocate import mend

    if uri.startswith("http"):
        # Not for minutes, in which a command would stand still: what is not delivered is kept.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
        # Addresses of pages among the results, whenever its thread delivers how a run ended.
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    try:
        with lock(uri):
            make_database(uri)
            client = MlflowClient(uri)
            client.search_experiments(max_results=1)
            forget_escaped(uri)
            if database_file(uri) and (home := artifact_location(uri)):
                mend(uri, home)
            return client
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, ValueError, ImportError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise Refused(f"MLflow cannot use {uri}: {reason}") from error


def experiment_id(client: "MlflowClient", uri: str, name: str, about: str = "") -> str:
    """The id of an MLflow experiment, which is created, or restored where it was deleted.

    Its page says what it is `about`, unless somebody has written something there.
    """
    from mlflow.exceptions import MlflowException

    with lock(uri):
        if found := client.get_experiment_by_name(name):
            if found.lifecycle_stage == "deleted":
                client.restore_experiment(found.experiment_id)
            if about and not found.tags.get(NOTE):
                client.set_experiment_tag(found.experiment_id, NOTE, about)
            return found.experiment_id
        tags = {NOTE: about} if about else None
        try:
            return client.create_experiment(name, artifact_location=artifact_location(uri), tags=tags)
        except MlflowException as error:
            made = client.get_experiment_by_name(name)  # by another machine, where a server has no lock
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or made is None:
                raise
            return made.experiment_id


def artifact_location(uri: str) -> str | None:
    """Beside an SQLite file, under the project for other databases; a server has its own place."""
    return None if uri.startswith("http") else (local_folder(uri) / "artifacts").as_uri()
