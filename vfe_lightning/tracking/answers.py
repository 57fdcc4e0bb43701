"""Whether a server answers a question, and not only takes connections, as one does that hangs.

The question goes where the clients of MLflow and SQLAlchemy would go: through proxies, by their drivers.
"""

import socket
from urllib.parse import urlsplit

from vfe_lightning.tracking.uri import server_of

GATEWAYS = {502, 503, 504}  # a proxy tells that there is no server behind it


def ask(uri: str, seconds: float) -> None:
    """Returns when the server of a URI with one of these schemes has answered.

    Args:
        seconds: that it may take.

    Raises:
        OSError: when it has not; the message is one line and has no password.
    """
    parts = urlsplit(uri)
    scheme = parts.scheme.partition("+")[0]
    if scheme in ("http", "https"):
        _ask_http(uri, seconds)
        return
    # Before the driver is loaded: most servers that are away take no connection.
    socket.create_connection(server_of(uri, "it"), seconds).close()
    if scheme == "postgresql":
        _ask_postgresql(uri, seconds)


def _ask_http(uri: str, seconds: float) -> None:
    import requests

    try:
        with requests.get(f"{uri.rstrip('/')}/health", timeout=seconds, stream=True) as response:
            if response.status_code in GATEWAYS:
                raise OSError(f"{response.status_code} {response.reason}")
    except requests.exceptions.SSLError:
        pass  # it answers; which certificates hold, MLflow is told by variables of its own
    except requests.Timeout as error:
        raise OSError(f"it does not answer within {seconds:.2g} s") from error
    except requests.RequestException as error:
        reason = getattr(error.args[0], "reason", error) if error.args else error
        raise OSError(" ".join(str(reason).split()).rpartition(": ")[2]) from error


def _ask_postgresql(uri: str, seconds: float) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        engine = create_engine(uri, poolclass=NullPool)
        known = "psycopg" in engine.driver  # other drivers have other names for it
        patience = {"connect_timeout": max(2, round(seconds))} if known else {}  # libpq takes no less
        create_engine(uri, poolclass=NullPool, connect_args=patience).connect().close()
    except ImportError as error:
        raise OSError(f"{error}: pip install 'vfe-lightning[postgresql]'") from error
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip()
        raise OSError(" ".join(reason.splitlines()[0].split())) from error
