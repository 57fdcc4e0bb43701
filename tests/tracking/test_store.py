"""The store is found, made once, and its troubles are told in one line."""

import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy import toy

from vfe_lightning.errors import Refused
from vfe_lightning.tracking import store
from vfe_lightning.tracking.record import Record


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


ODD = "a%25b?c#d'e{f}\u00e9 ~g"


def test_a_folder_may_have_any_letters(template_store, tmp_path, monkeypatch):
    """The database and the artifacts lie where they were asked for, and nowhere else."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("VFE_HOME", str(tmp_path / ODD))
    (tmp_path / ODD / "mlruns").mkdir(parents=True)
    shutil.copy(template_store, tmp_path / ODD / "mlruns" / "mlflow.db")
    for _ in range(2):
        record = Record.start(toy)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.tracking_uri())  # as Lightning sets it
    client = store.connect(store.tracking_uri())
    assert len(client.search_runs([client.get_run(record.run_id).info.experiment_id])) == 2
    assert "declaration.json" in {artifact.path for artifact in client.list_artifacts(record.run_id)}
    assert store.database_file(store.tracking_uri()) == tmp_path / ODD / "mlruns" / "mlflow.db"
    assert (
        tmp_path / ODD / "mlruns" / "artifacts" / record.run_id / "artifacts" / "declaration.json"
    ).exists()
    assert [path.name for path in tmp_path.iterdir()] == [ODD]


def test_a_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VFE_HOME", "~/mine")
    assert store.project_root() == tmp_path / "mine"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///~/a.db?timeout=30")
    assert store.tracking_uri() == f"sqlite:///{tmp_path}/a.db?timeout=30"


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("sqlite:///:memory:", "gone with the process"),
        ("sqlite:///file:x?mode=memory&uri=true", "gone with the process"),
        ("sqlite:////", "is a folder"),
        ("http://[::1", "Invalid IPv6 URL"),
        ("postgresql://u:Sesame@h:port/db", "Port could not be cast"),
        ("postgresql://h:99999999/db?user=u&password=Sesame", "Port out of range"),
    ],
)
def test_addresses_of_no_store_are_refused(uri, words):
    with pytest.raises(Refused, match=words) as refusal:
        store.check_reachable(store.absolute(uri))
    assert "Sesame" not in str(refusal.value)


def test_outside_a_checkout_one_store_is_found_from_any_folder_below(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "vfe_lightning" / "tracking" / "store.py"
    monkeypatch.setattr(store, "__file__", str(package))
    monkeypatch.delenv("VFE_HOME", raising=False)
    below = tmp_path / "project" / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert store.project_root() == below
    (tmp_path / "project" / "mlruns").mkdir()
    database = tmp_path / "project" / "mlruns" / "mlflow.db"
    database.touch()
    assert store.project_root() == tmp_path / "project"
    monkeypatch.setattr(os, "getuid", lambda: database.stat().st_uid + 1)  # it is somebody else's
    assert store.project_root() == below


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o700), (0o077, 0o700), (0o002, 0o770), (0o007, 0o770)])
def test_a_store_is_its_owners_or_of_the_group_that_may_write(tmp_path, umask, mode):
    old = os.umask(umask)
    try:
        store.check_reachable(f"sqlite:///{tmp_path}/new/mlruns/mlflow.db")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new" / "mlruns").stat().st_mode) == mode


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


def test_an_experiment_that_another_machine_has_just_made_is_taken(client, monkeypatch):
    """Behind a server, where nothing locks: both have seen that there is none."""
    own = store.tracking_uri()
    known, found = store.experiment_id(client, own, "toy"), [None]
    real = client.get_experiment_by_name
    monkeypatch.setattr(client, "get_experiment_by_name", lambda name: found.pop() if found else real(name))
    assert store.experiment_id(client, "http://server", "toy") == known
