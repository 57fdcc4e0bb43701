"""A server is asked, as MLflow would ask it: one that takes connections may hang, or stand behind a proxy."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from vfe_lightning.errors import Refused
from vfe_lightning.tracking import store


@pytest.mark.parametrize("scheme", ["http", pytest.param("postgresql+psycopg", marks=pytest.mark.slow)])
def test_a_server_that_hangs_is_refused(scheme):
    """Its system takes the connection, and nobody reads it."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        began = time.monotonic()
        with pytest.raises(Refused, match="no answer from") as refusal:
            store.check_reachable(f"{scheme}://127.0.0.1:{server.getsockname()[1]}", patience=0.3)
        assert time.monotonic() - began < 10 and "\n" not in str(refusal.value)


@pytest.fixture
def proxy(monkeypatch):
    """A proxy that answers for all servers, as `status` says, which is of the only way to them."""
    told = {"status": 200, "asked": []}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            told["asked"].append(self.path)
            self.send_response(told["status"])
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.server_port}")
        for name in ("http_proxy", "NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield told
        server.shutdown()


def test_a_server_behind_a_proxy_is_reached(proxy):
    store.check_reachable("http://mlflow.invalid:5000")
    assert [url.startswith("http://mlflow.invalid:5000/") for url in proxy["asked"]] == [True]
    proxy["status"] = 401  # MLflow has the password
    store.check_reachable("http://mlflow.invalid:5000")
    proxy["status"] = 502
    with pytest.raises(Refused, match=r"mlflow\.invalid:5000: 502 Bad Gateway"):
        store.check_reachable("http://mlflow.invalid:5000")
