"""Runs and studies on a real PostgreSQL server, from an empty database, several processes at once."""

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import optuna
import pytest
from processes import BRIEF, code_of, history, on_command_line
from services import free_port, kill, postgresql

from vfe_lightning.study.storage import finished
from vfe_lightning.tracking import store

pytestmark = pytest.mark.services
PASSWORD = "open-Sesame-1001"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture
def database(server) -> str:
    return empty_database(server)


def empty_database(server: str) -> str:
    import psycopg

    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{server.replace('+psycopg', '')}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"


def runs_of(client):
    return client.search_runs([e.experiment_id for e in client.search_experiments()])


def test_processes_start_at_once_on_an_empty_database(home, client, database):
    """Each makes the tables if it is the first; all runs are filed under one experiment."""
    whole = BRIEF.run()
    environment = {"MLFLOW_TRACKING_URI": database}
    processes = [on_command_line(home / f"log{i}", environment=environment) for i in range(3)]
    assert [code_of(p, 300) for p in processes] == [0] * 3, (home / "log0").read_text()
    runs = runs_of(store.connect(database))
    assert len(runs) == 3 and {run.info.status for run in runs} == {"FINISHED"}
    assert len({run.info.experiment_id for run in runs}) == 1
    for run in runs:
        assert history(store.connect(database), run.info.run_id) == history(client, whole.run_id)


def test_a_killed_run_goes_on(home, client, database):
    whole = BRIEF.run()
    log, environment = home / "log", {"MLFLOW_TRACKING_URI": database, "TOY_BREAK": "kill:23:0"}
    assert code_of(on_command_line(log, environment=environment), 300) == -9
    [run] = runs_of(store.connect(database))
    environment["TOY_BREAK"] = "none:0:0"
    resumed = on_command_line(log, "--resume", run.info.run_id, environment=environment)
    assert code_of(resumed, 300) == 0, log.read_text()
    assert history(store.connect(database), run.info.run_id) == history(client, whole.run_id)


@pytest.mark.parametrize("study", ["toy_study", "toy_scan"])
def test_workers_share_a_study(home, server, database, study):
    """MLflow and Optuna, each in an empty database."""
    storage = empty_database(server)
    environment = {"MLFLOW_TRACKING_URI": database, "OPTUNA_STORAGE": storage}
    line = ["--n-trials", "3", "--trainer.progress_bar", "false"]
    logs = [home / f"log{i}" for i in range(2)]
    workers = [on_command_line(log, *line, study=study, environment=environment) for log in logs]
    assert [code_of(worker, 300) for worker in workers] == [0] * 2, [log.read_text() for log in logs]
    trials = optuna.load_study(study_name=study, storage=storage).trials
    assert len(trials) == len(finished(trials)) == 3
    runs = runs_of(store.connect(database))
    assert len(runs) == 4 and sum("mlflow.parentRunId" in run.data.tags for run in runs) == 3


@pytest.mark.slow
def test_the_password_of_a_database_is_shown_and_kept_nowhere(home, server, database, monkeypatch):
    """Not while a study with workers runs and its pages are opened, not in its files and databases."""
    storage = empty_database(server)
    for name, url in {"MLFLOW_TRACKING_URI": database, "OPTUNA_STORAGE": storage}.items():
        monkeypatch.setenv(name, url.replace("vfe@", f"vfe:{PASSWORD}@"))
    monkeypatch.setenv("TOY_TRIALS", "1:error:3")
    study = ["toy_study", "--workers", "2", "--n-trials", "2", "--trainer.progress_bar", "false"]
    pages = ["vfe_lightning", "ui", "--port", str(free_port())]
    seen = command_lines(study, home / "study.log", until="nothing that is ever started")
    assert any("--parent" in line for line in seen), (home / "study.log").read_text()
    seen |= command_lines(pages, home / "pages.log", until="mlflow server")
    assert any("mlflow server" in line for line in seen)
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert {"study.log", "pages.log", "trials.csv", "traceback.txt"} <= {path.name for path in kept}
    told = [path for path in kept if PASSWORD.encode() in path.read_bytes()]
    stored = [row for url in (database, storage) for row in rows_of(url) if PASSWORD in row]
    assert not [line for line in seen if PASSWORD in line] + told + stored


def command_lines(command: list[str], log: Path, until: str) -> set[str]:
    """What everybody on this machine can see of all processes while a command runs."""
    seen: set[str] = set()
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], stdout=output, stderr=output, start_new_session=True
        )
        try:
            while process.poll() is None and not any(until in line for line in seen):
                for path in Path("/proc").glob("[0-9]*/cmdline"):
                    with suppress(OSError):
                        seen.add(path.read_text(errors="replace").replace("\0", " "))
                time.sleep(0.02)
        finally:
            kill(process)
    return seen


def rows_of(url: str) -> list[str]:
    """All that is in a database, as text."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = [connection.execute(f'SELECT t::text FROM "{name}" t').fetchall() for (name,) in tables]
    found = [text for table in rows for (text,) in table]
    assert any("toy_study" in text for text in found)
    return found
