"""The commands on recorded runs: python -m vfe_lightning runs, compare, export, relocate, sweep."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache
from processes import died, history
from toy import toy

from vfe_lightning.tracking import store
from vfe_lightning.tracking.record import Record

QUIET = toy.vary(**{"trainer.progress_bar": False})


@pytest.mark.usefixtures("painted_at_last")
def test_runs_are_compared_in_a_table_and_a_figure(client, home, run_command):
    cold, hot = QUIET.run(), QUIET.vary(temperature=0.7).run()
    code, out, _ = run_command("compare", cold.run_id[:8], hot.run_id, "--figure", home / "new" / "c.png")
    assert code == 0
    header, first, second = out.splitlines()[:3]
    assert header.split()[:2] == ["run", "temperature"] and "seed" not in header
    assert first.split()[:2] == [cold.run_id[:8], "0.5"] and second.split()[:2] == [hot.run_id[:8], "0.7"]
    assert f"{cold.reference_free_energy:.8g}" in first and "FINISHED" in first
    assert (home / "new" / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("painted_at_last")
def test_comparisons_that_cannot_be_made(client, home, run_command):
    run_id = QUIET.run().run_id
    for argv, words in {
        ("nothing",): "no run nothing",
        (run_id, "--window", 0): "--window = 0",
        (run_id, "--figure", "/dev/null/c.png"): "cannot be written",
        (run_id, "--figure", home / "c.what"): "cannot be written",
        (Record.start(QUIET).run_id,): "nothing to draw",
    }.items():
        code, _, err = run_command("compare", *argv)
        assert code == 2 and words in err and len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(("format", "read"), [("csv", pd.read_csv), ("parquet", pd.read_parquet)])
def test_export_holds_every_number(client, home, run_command, format, read):
    result = QUIET.run()
    code, out, _ = run_command("export", home / "out", "--format", format)
    assert code == 0 and out.splitlines() == [str(home / "out" / f"{n}.{format}") for n in ("runs", "curves")]
    runs, curves = (read(home / "out" / f"{name}.{format}") for name in ("runs", "curves"))
    assert runs.loc[0, "quoted.free_energy"] == result.free_energy
    assert float(runs.loc[0, "params.temperature"]) == 0.5 and runs.loc[0, "run"] == result.run_id
    recorded = history(client, result.run_id)
    for name in ("free_energy", "free_energy_error", "entropy"):
        assert list(zip(curves["step"], curves[name], strict=True)) == recorded[f"train/{name}"]
    code, _, err = run_command("export", home / "out", "--experiment", "tou")
    assert code == 2 and "did you mean toy?" in err


def place_of(client, run_id: str) -> Path:
    return Path(unquote(client.get_run(run_id).info.artifact_uri.removeprefix("file://")))


def moved_to(new: Path, monkeypatch) -> MlflowClient:
    """The store in its new folder, as another process finds it: MLflow remembers where artifacts go."""
    _artifact_repos_cache.clear()
    monkeypatch.setenv("VFE_HOME", str(new))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return store.connect(store.tracking_uri())


def test_a_moved_folder_just_works(client, home, run_command, monkeypatch, tmp_path_factory):
    """Also when the first thing that happens there is a new run."""
    run_id = QUIET.run().run_id
    new = tmp_path_factory.mktemp("elsewhere") / "moved here"
    shutil.move(home / "mlruns", new / "mlruns")
    moved = moved_to(new, monkeypatch)
    fresh = Record.start(QUIET).run_id
    assert QUIET.vary(**{"trainer.max_steps": 25}).run(resume=run_id).steps == 25
    for known, names in ((run_id, {"figures", "checkpoints"}), (fresh, {"declaration.json"})):
        assert names <= {a.path for a in moved.list_artifacts(known)}
        assert place_of(moved, known) == new / "mlruns" / "artifacts" / known / "artifacts"
    assert not (home / "mlruns").exists()
    code, _, err = run_command("relocate")
    assert code == 2 and "no artifacts have moved" in err and str(home) not in err


def test_only_what_lies_beside_the_store_is_taken_for_its_own(
    client, home, run_command, monkeypatch, tmp_path_factory
):
    """Of a copy of a store to which a run was added where the old one was, and one that lies elsewhere."""
    first = Record.start(QUIET).run_id
    new = tmp_path_factory.mktemp("copy")
    shutil.copytree(home / "mlruns", new / "mlruns")
    other = MlflowClient(f"sqlite:///{new}/mlruns/mlflow.db")  # as no command of ours opens it
    experiment = client.get_run(first).info.experiment_id
    foreign = other.create_experiment("foreign", artifact_location=(new / "foreign").as_uri())
    late, far = (other.create_run(e).info.run_id for e in (experiment, foreign))
    for run_id in (late, far):
        other.log_text(run_id, "text", "a.txt")
    places = {run_id: place_of(other, run_id) for run_id in (first, late, far)}
    assert all(places[run_id].is_relative_to(home) for run_id in (first, late))
    moved = moved_to(new, monkeypatch)
    assert place_of(moved, first).is_relative_to(new) and place_of(client, first) == places[first]
    assert {run_id: place_of(moved, run_id) for run_id in (late, far)} == {
        late: places[late],
        far: places[far],
    }
    assert place_of(moved, Record.start(QUIET).run_id).is_relative_to(new)
    assert moved.get_experiment(foreign).artifact_location == (new / "foreign").as_uri()
    shutil.move(home / "mlruns" / "artifacts" / late, new / "mlruns" / "artifacts" / late)
    code, out, _ = run_command("relocate")
    assert code == 0 and str(home) in out and [a.path for a in moved.list_artifacts(late)] == ["a.txt"]
    code, _, _ = run_command("relocate", "--old", new / "foreign")
    assert code == 0 and place_of(moved, far) == new / "mlruns" / "artifacts" / far / "artifacts"


def test_sweep_marks_the_dead_and_spares_the_living(client, home, run_command):
    dead, alive = Record.start(QUIET), Record.start(QUIET)
    died(client, dead.run_id)
    code, out, _ = run_command("sweep")
    assert code == 0 and dead.run_id[:8] in out and alive.run_id[:8] not in out and "1 runs marked" in out
    statuses = [client.get_run(record.run_id).info.status for record in (dead, alive)]
    assert statuses == ["KILLED", "RUNNING"]


def test_the_link_opens_the_runs_and_not_the_pages_of_agents(home, run_command, monkeypatch):
    started = []
    monkeypatch.setattr("os.execve", lambda *command: started.append(command))
    code, out, _ = run_command("ui", "--port", 5123)
    assert code == 0 and "--port" in started[0][1] and "5123" in started[0][1]
    assert out.split()[0] == "http://127.0.0.1:5123/#/experiments?workflowType=machine_learning"


def test_a_password_is_on_no_command_line(home, run_command, monkeypatch):
    uri = "postgresql+psycopg://u:Sesame@db/mlflow"
    started = []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setattr("vfe_lightning.tracking.store.check_reachable", lambda _: None)
    monkeypatch.setattr("vfe_lightning.tracking.store.connect", lambda _: None)
    monkeypatch.setattr("os.execve", lambda *command: started.append(command))
    code, out, err = run_command("ui")
    [(_, command, environment)] = started
    assert code == 0 and environment["MLFLOW_BACKEND_STORE_URI"] == uri
    assert not any("Sesame" in text for text in (*command, out, err))


@pytest.mark.parametrize("port", ["-1", "99999999", "abc"])
def test_ports_that_are_none(home, run_command, monkeypatch, port):
    monkeypatch.setattr("os.execve", lambda *_: None)
    code, _, err = run_command("ui", "--port", port)
    assert code == 2 and port in err and len(err.strip().splitlines()) == 1


def test_a_port_that_is_taken(home, run_command, monkeypatch):
    monkeypatch.setattr("os.execve", lambda *_: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = run_command("ui", "--port", taken.getsockname()[1])
    assert code == 2 and "cannot be used" in err and len(err.strip().splitlines()) == 1


def test_a_reader_that_has_seen_enough_is_no_error():
    code = "from vfe_lightning.exits import told\nwith told():\n    for line in range(100_000): print(line)\n"
    line = f'{sys.executable} -c "$CODE" | head -n 1; exit ${{PIPESTATUS[0]}}'
    root = Path(__file__).parents[1]
    done = subprocess.run(
        ["bash", "-c", line], env=os.environ | {"CODE": code}, cwd=root, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (141, "0\n", "")


def test_help_is_light():
    code = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from vfe_lightning.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'mlflow', 'pandas', 'matplotlib', 'optuna'} & set(sys.modules)"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in ("compare", "export", "relocate", "sweep"))
