"""Nothing is lost: killed at any moment, on a full or read-only disk, or on a store that is being made."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from processes import BRIEF, code_of, history, on_command_line, wait_for
from seeds import MOVED

from vfe_lightning.tracking import store
from vfe_lightning.tracking.keys import KEY

SIGNALS = {signal.SIGKILL: -9, signal.SIGTERM: 143}


def runs_of(client):
    return client.search_runs([e.experiment_id for e in client.search_experiments()])


@pytest.mark.parametrize("kills", [4, pytest.param(30, marks=pytest.mark.slow)])
def test_killed_at_random_moments_a_run_ends_the_same(client, home, kills):
    """By one command, at any moment: before the run is made, while it trains, saves, evaluates, draws."""
    dice = random.Random(MOVED + 7)
    whole, key, killed = BRIEF.run(), 0, 0
    log = home / "log"
    while True:
        last = killed >= kills
        process = on_command_line(log, "--run_key", f"{key}", pause=0.0 if last else 0.02)
        process.join(None if last else dice.uniform(0.2, 2.0))
        signum = dice.choice(list(SIGNALS))
        if process.is_alive():
            os.kill(process.pid, signum)
        code = code_of(process)
        assert code in (0, SIGNALS[signum], -signum), log.read_text()
        killed += code != 0
        if code == 0:  # it is done, and perhaps had been faster
            [run] = [run for run in runs_of(client) if run.data.tags.get(KEY) == f"{key}"]
            check_the_same(client, whole.run_id, run.info.run_id)
            key += 1
            if last:
                break
    assert len(runs_of(client)) == 1 + key


def newest(client, known: set[str]) -> str:
    [run_id] = {run.info.run_id for run in runs_of(client)} - known
    return run_id


def check_the_same(client, whole: str, other: str) -> None:
    assert client.get_run(other).info.status == "FINISHED"
    assert history(client, other) == history(client, whole)
    assert len(history(client, other)["train/free_energy"]) == 40


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_two_processes_killed_at_random_moments_end_the_same(client, home, seed):
    """SIGKILL of both as in a power cut, or of one, or SIGTERM to one; then the run goes on."""
    from test_runs import process as command

    dice = random.Random(MOVED + seed)
    line = ["--trainer.devices", "2", "--trainer.max_steps", "40"]
    done = command(home, *line, "--json", str(home / "whole.json"))
    assert done.returncode == 0, done.stderr
    whole = json.loads((home / "whole.json").read_text())["run_id"]
    argv = line
    for _ in range(2):
        known = {run.info.run_id for run in runs_of(client)}
        first = start(home, *argv)
        wait_for(
            lambda known=known, argv=argv: argv != line or {r.info.run_id for r in runs_of(client)} - known
        )
        saved = argv != line
        wait_for(lambda saved=saved: saved or list(home.rglob("step_*05.ckpt")))
        time.sleep(dice.uniform(0, 8))
        how = dice.choice(["all", "one", "term"])
        ranks = processes_of(first.pid)
        if how == "all":
            os.killpg(first.pid, signal.SIGKILL)
        elif ranks:
            os.kill(dice.choice(ranks), signal.SIGKILL if how == "one" else signal.SIGTERM)
        first.wait(timeout=240)
        with suppress(ProcessLookupError):  # a rank that has lost the first one waits for it for long
            os.killpg(first.pid, signal.SIGKILL)
        argv = [*line, "--resume", newest(client, known) if argv == line else argv[-1]]
        if client.get_run(argv[-1]).info.status == "FINISHED":  # it had been faster
            break
    else:
        done = command(home, *argv)
        assert done.returncode == 0, done.stderr
    check_the_same(client, whole, argv[-1])


def start(home: Path, *argv: str) -> subprocess.Popen:
    tests = Path(__file__).parents[1]
    environment = os.environ | {
        "PYTHONPATH": f"{tests}:{tests.parent}",
        "TOY_PAUSE": "0.1",
        "VFE_HOME": str(home),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "toy", "--trainer.progress_bar", "false", *argv],
        env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def processes_of(group: int) -> list[int]:
    """The ranks: the processes of a group."""
    listed = subprocess.run(["ps", "-o", "pid=", "-g", str(group)], capture_output=True, text=True).stdout
    return [int(word) for word in listed.split()]


def test_four_processes_start_on_an_empty_store(tmp_path, monkeypatch):
    monkeypatch.setenv("VFE_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    processes = [on_command_line(tmp_path / f"log{i}", "--seed", str(i)) for i in range(4)]
    assert [code_of(p) for p in processes] == [0] * 4, (tmp_path / "log0").read_text()
    runs = runs_of(store.connect(store.tracking_uri()))
    assert sorted(run.data.tags["seed"] for run in runs) == list("0123")
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert len({run.info.experiment_id for run in runs}) == 1


@pytest.fixture
def small_disk(home: Path, client) -> Iterator[Path]:
    """A file system of 12 MB that holds the test's store; unmounted in the end."""
    disk = home / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"only root can mount a small disk: {mounted.stderr.decode().strip()}")
    try:
        (disk / "mlruns").mkdir()
        (disk / "mlruns" / "mlflow.db").write_bytes((home / "mlruns" / "mlflow.db").read_bytes())
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_ends_the_run_and_costs_nothing(client, home, small_disk):
    whole = BRIEF.run()
    log, environment = home / "log", {"VFE_HOME": str(small_disk)}
    process = on_command_line(log, pause=0.05, environment=environment)
    wait_for(lambda: list(small_disk.rglob("step_*10.ckpt")))
    filler = small_disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)
    assert code_of(process) == 1
    err = log.read_text().strip().splitlines()[-1]
    assert err.startswith("error: ") and "space" in err and "--resume" in err, log.read_text()
    filler.unlink()
    disk = store.connect(f"sqlite:///{small_disk}/mlruns/mlflow.db")
    [run] = runs_of(disk)
    assert code_of(on_command_line(log, "--resume", run.info.run_id, environment=environment)) == 0, (
        log.read_text()
    )
    assert history(disk, run.info.run_id) == history(client, whole.run_id)
    assert disk.get_run(run.info.run_id).info.status == "FINISHED"


def test_on_a_full_disk_no_run_is_made(home, small_disk):
    disk, log = store.connect(f"sqlite:///{small_disk}/mlruns/mlflow.db"), home / "log"
    with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)
    assert code_of(on_command_line(log, environment={"VFE_HOME": str(small_disk)})) == 2
    [_, line] = log.read_text().strip().splitlines()
    assert line.startswith("error: No space left on device in ") and "make room" in line
    (small_disk / "filler").unlink()
    assert not runs_of(disk)


def test_a_read_only_disk_is_refused_before_any_compute(home, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    log = home / "log"
    assert code_of(on_command_line(log, environment={"VFE_HOME": str(small_disk)})) == 2
    [line] = log.read_text().strip().splitlines()
    assert "read-only" in line and str(small_disk) in line and "VFE_HOME" in line
