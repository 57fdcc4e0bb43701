"""An MLflow server that dies or hangs in the middle of a run, and its pages in a browser."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
import torch
from contracts import small
from processes import BRIEF, code_of, history, on_command_line, wait_for
from services import browser, free_port, kill, mlflow_server

import vfe_lightning
from vfe_lightning.tracking.store import connect

TEXT = "return document.body.textContent"  # scrolled out of sight or not

pytestmark = pytest.mark.services


def run_of(home) -> str:
    """The id of the run, as its first line tells it."""
    return (home / "log").read_text().split("run ")[1].split()[0]


@pytest.mark.parametrize("back", [True, False], ids=["it comes back", "it stays away"])
def test_a_server_that_dies_costs_nothing(home, client, back, template_store):
    """The run goes on; what it records meanwhile is kept, and delivered when the server is back."""
    whole = BRIEF.vary(**{"trainer.max_steps": 60}).run()
    port, log, gate, remote = free_port(), home / "log", home / "gate", home / "remote"
    gate.mkdir()
    (gate / "30").touch()
    (gate / "50").touch()
    (remote / "mlruns").mkdir(parents=True)
    shutil.copy(template_store, remote / "mlruns" / "mlflow.db")
    environment = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}", "TOY_GATE": str(gate)}
    with mlflow_server(remote, port) as server:
        process = on_command_line(log, "--trainer.max_steps", "60", environment=environment)
        wait_for(lambda: list(home.rglob("step_*25.ckpt")), 120)
        kill(server)
    (gate / "30").unlink()
    wait_for(lambda: "records are kept in" in log.read_text(), 120)
    if back:
        with mlflow_server(remote, port):
            (gate / "50").unlink()
            assert code_of(process, 300) == 0, log.read_text()
        assert "all that was kept" in log.read_text()
    else:
        (gate / "50").unlink()
        assert code_of(process, 300) == 0, log.read_text()
        assert "sweep` delivers it later" in log.read_text()
        with mlflow_server(remote, port):
            command = [sys.executable, "-m", "vfe_lightning", "sweep"]
            done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
            assert done.returncode == 0 and "records of 1 runs delivered" in done.stdout, done
    run_id, served = run_of(home), connect(f"sqlite:///{remote}/mlruns/mlflow.db")
    assert served.get_run(run_id).info.status == "FINISHED"
    assert history(served, run_id) == history(client, whole.run_id)
    assert not list((home / "mlruns" / "undelivered").iterdir())
    names = {p.name for p in (remote / "served").rglob("*")}
    assert {"results.csv", "convergence.png", "step_00000060.ckpt"} <= names


def test_two_machines_that_share_a_server_make_one_run_of_a_key(home, template_store):
    port, remote, places = free_port(), home / "remote", [home / "one", home / "two"]
    (remote / "mlruns").mkdir(parents=True)
    shutil.copy(template_store, remote / "mlruns" / "mlflow.db")
    uri = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}"}
    with mlflow_server(remote, port):
        both = [
            on_command_line(home / f"log{n}", "--run_key", "a", environment=uri | {"VFE_HOME": str(place)})
            for n, place in enumerate(places)
        ]
        codes = sorted(code_of(process) for process in both)
        assert codes == [0, 2], [(home / f"log{n}").read_text() for n in range(2)]
    served = connect(f"sqlite:///{remote}/mlruns/mlflow.db")
    [run] = served.search_runs([e.experiment_id for e in served.search_experiments()])
    assert run.info.status == "FINISHED"


def test_a_run_on_a_server_is_loaded_where_it_was_made_and_elsewhere(home, template_store, monkeypatch):
    """On the other machine no file of the run is there, and its checkpoint comes from the server."""
    port, remote, elsewhere = free_port(), home / "remote", home / "elsewhere"
    (remote / "mlruns").mkdir(parents=True)
    shutil.copy(template_store, remote / "mlruns" / "mlflow.db")
    uri = f"http://127.0.0.1:{port}"
    with mlflow_server(remote, port):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        result = small("ising").run()
        here = vfe_lightning.load(result)
        monkeypatch.setenv("VFE_HOME", str(elsewhere))
        there = vfe_lightning.load(result.run_id[:8])
        known = vfe_lightning.load(connect(uri).get_run(result.run_id))
    assert not list(elsewhere.rglob("step_*.ckpt"))
    drawn, again = here.sample(50), here.evaluate(4)
    for loaded in (there, known):
        assert loaded.run_id == result.run_id and loaded.result == here.result is not None
        assert torch.equal(loaded.sample(50), drawn)
        assert loaded.evaluate(4).free_energy == again.free_energy


@pytest.mark.slow
def test_a_server_that_hangs_costs_no_time(home, template_store):
    """It takes connections and answers nobody, from the start of the run to its end and after."""
    port, remote = free_port(), home / "remote"
    (remote / "mlruns").mkdir(parents=True)
    shutil.copy(template_store, remote / "mlruns" / "mlflow.db")
    environment = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}"}

    def seconds(log, pause: float, stop=lambda: None) -> float:
        """From the line that tells of the run to its end."""
        log.touch()
        process = on_command_line(log, "--trainer.max_steps", "60", pause=pause, environment=environment)
        wait_for(lambda: ", run " in log.read_text(), 120)
        began = time.monotonic()
        stop()
        assert code_of(process, 300) == 0, log.read_text()
        return time.monotonic() - began

    with mlflow_server(remote, port) as server:
        seconds(home / "first", 0.0)
        answered = seconds(home / "answered", 0.2)
        hung = seconds(home / "log", 0.2, lambda: os.killpg(server.pid, signal.SIGSTOP))
        assert hung < 1.1 * answered
        assert "sweep` delivers it later" in (home / "log").read_text()
        began = time.monotonic()
        assert code_of(on_command_line(home / "new", environment=environment)) == 2
        [line] = (home / "new").read_text().strip().splitlines()
        assert "does not answer within" in line and time.monotonic() - began < 10
        os.killpg(server.pid, signal.SIGCONT)
        command = [sys.executable, "-m", "vfe_lightning", "sweep"]
        done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
        assert done.returncode == 0 and "records of 1 runs delivered" in done.stdout, done
    served = connect(f"sqlite:///{remote}/mlruns/mlflow.db")
    delivered, whole = run_of(home), (home / "answered").read_text().split("run ")[1].split()[0]
    assert served.get_run(delivered).info.status == "FINISHED"
    assert history(served, delivered) == history(served, whole)


def test_the_pages_of_mlflow_show_our_runs(home, painted, client):
    """The experiment lists the runs, the comparison has our metrics, the figures of a run open."""
    cold, hot = BRIEF.run(), BRIEF.vary(temperature=0.7).run()
    experiment = client.get_experiment_by_name("toy").experiment_id
    port = free_port()
    with browser() as page, mlflow_server(home, port):
        root = f"http://127.0.0.1:{port}/#"

        def shows(path: str, *words: str) -> None:
            page.get(f"{root}/{path}")
            end = time.monotonic() + 90
            while missing := [w for w in words if w not in page.execute_script(TEXT)]:
                assert time.monotonic() < end, f"{missing} not on {path}: {page.execute_script(TEXT)[-3000:]}"
                time.sleep(0.5)

        shows(
            f"experiments/{experiment}/runs?workflowType=machine_learning",
            BRIEF.label(), BRIEF.vary(temperature=0.7).label(),
        )  # fmt: skip
        ids = quote(json.dumps([cold.run_id, hot.run_id]))
        shows(
            f"compare-runs?runs={ids}&experiments={quote(json.dumps([experiment]))}",
            "_quoted/free_energy", "_quoted/excess", "temperature", f"{cold.free_energy:.3f}",
        )  # fmt: skip
        shows(f"experiments/{experiment}/runs/{cold.run_id}", "exact -0.286182")
        page.get(f"{root}/experiments/{experiment}/runs/{cold.run_id}/artifacts/figures/convergence.png")
        end = time.monotonic() + 90
        drawn = "return [...document.images].some(i => i.naturalWidth > 400 && i.naturalHeight > 400)"
        while not page.execute_script(drawn):
            assert time.monotonic() < end, "the figure of the convergence does not open"
            time.sleep(0.5)
