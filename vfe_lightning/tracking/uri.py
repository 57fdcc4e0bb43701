"""Addresses of databases: a file of SQLite, in whose path any letter may stand, or a server."""

import os
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from vfe_lightning.errors import Refused

SQLITE = "sqlite:///"
PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
ALLOWED = "sqlite:///FILE, postgresql:// or, for MLflow, http(s)://"


def of_file(path: Path) -> str:
    """The address of an SQLite file: escaped is what SQLAlchemy or Optuna would take for something else."""
    return SQLITE + re.sub(r"[%?{}]", lambda letter: quote(letter[0]), str(path))


def forget_escaped(uri: str) -> None:
    """Remove the empty folder that MLflow makes of an address that it does not read the escapes of."""
    path, taken = database_file(uri), Path(uri.removeprefix(SQLITE))
    if path and taken.parent != path.parent:
        with suppress(OSError):
            os.removedirs(taken.parent)


def database_file(uri: str) -> Path | None:
    """The file of an SQLite store, an absolute path.

    Raises:
        Refused: the store would be in memory, and gone with the process.
    """
    if not uri.startswith(SQLITE):
        return None
    file, _, query = uri.removeprefix(SQLITE).partition("?")
    if file in ("", ":memory:") or file.startswith("file:") or "mode=memory" in query:
        raise Refused(f"{uri} is not allowed: it is no file, and gone with the process; write {SQLITE}FILE")
    return expanded(unquote(file)).resolve()


def absolute(uri: str) -> str:
    """The same store whatever the working directory."""
    path, query = database_file(uri), uri.partition("?")[2]
    if path is None:
        return uri
    return of_file(path) + (f"?{query}" if query else "")


def expanded(path: str) -> Path:
    """A path that may begin with `~`, which a shell leaves alone within quotes and assignments of services.

    Raises:
        Refused: for the folder of a user who is not there.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise Refused(f"{path}: {error}") from error


def server_of(uri: str, name: str) -> tuple[str, int]:
    """Host and port of the server that `uri`, given by `name`, is of.

    Raises:
        Refused: it is no address of a server, or of one that is not known here.
    """
    try:
        parts = urlsplit(uri)
        scheme, host, port = parts.scheme.partition("+")[0], parts.hostname, parts.port
    except ValueError as error:
        raise Refused(f"{name} = {uri} is not allowed: {error}") from error
    if scheme not in PORTS or host is None:
        raise Refused(f"{name} = {uri} is not allowed: {ALLOWED}")
    return host, PORTS[scheme] if port is None else port


def has_password(uri: str) -> bool:
    """Whether the address contains one, before its host or behind its path."""
    try:
        parts = urlsplit(uri)
        return parts.password is not None or "password=" in parts.query.lower()
    except ValueError:
        return False
