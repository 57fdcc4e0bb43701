"""The store is found, made once, and its troubles are told in one line."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from vfe_lightning.errors import Refused
from vfe_lightning.tracking import store


def test_store_does_not_depend_on_the_working_directory(home, monkeypatch):
    monkeypatch.chdir("/")
    assert store.tracking_uri() == f"sqlite:///{home}/mlruns/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somewhere:5000")
    assert store.tracking_uri() == "http://somewhere:5000"
    monkeypatch.delenv("VFE_HOME")
    assert store.project_root() == Path(__file__).parents[2]


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:9",
        "postgresql+psycopg://u:p@127.0.0.1:9/mlflow",
        "sqlite:////dev/null/x/a.db",
        "ftp://x",
    ],
)
def test_unusable_stores_are_refused_at_once(uri):
    began = time.monotonic()
    with pytest.raises(Refused) as refusal:
        store.check_reachable(uri)
    assert time.monotonic() - began < 30  # not after the minutes of the libraries
    assert uri.replace(":p@", ":***@") in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_broken_database_is_refused(home):
    (home / "mlruns" / "mlflow.db").write_bytes(b"not a database" * 100)
    with pytest.raises(Refused, match="MLflow cannot use"):
        store.connect(store.tracking_uri())


def test_a_deleted_experiment_comes_back(client):
    uri = store.tracking_uri()
    first = store.experiment_id(client, uri, "toy")
    client.delete_experiment(first)
    assert store.experiment_id(client, uri, "toy") == first
    assert client.get_experiment(first).lifecycle_stage == "active"


@pytest.mark.slow
def test_several_processes_make_one_store(tmp_path):
    code = (
        "from vfe_lightning.tracking import store; uri = store.tracking_uri()\n"
        "c = store.connect(uri); print(c.create_run(store.experiment_id(c, uri, 'toy')).info.experiment_id)"
    )
    environment = {"VFE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(4)
    ]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert all(process.returncode == 0 for process in processes), outputs
    assert len({out for out, _ in outputs}) == 1
