"""However a run ends it leaves the right status, and a resumed one goes on to the same numbers."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch

TESTS = Path(__file__).parent
SETTINGS = ["--trainer.progress_bar", "false", "--trainer.max_steps", "20", "--trainer.checkpoint_every", "5"]


def toy(home: Path, *arguments: str, breaks: str | None = None) -> subprocess.Popen[str]:
    environment = os.environ | {
        "VFE_HOME": str(home),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}",
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    environment |= {"TOY_BREAK": breaks} if breaks else {}
    return subprocess.Popen(
        [sys.executable, "-m", "toy", *SETTINGS, *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def recorded(home: Path) -> tuple[str, str, dict[int, float]]:
    """Id, status and the free energy at each step of the only run; each step stands there once."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{home}/mlruns/mlflow.db")
    [run] = [r for e in client.search_experiments() for r in client.search_runs([e.experiment_id])]
    history = client.get_metric_history(run.info.run_id, "free_energy")
    curve = {m.step: m.value for m in history}
    assert len(curve) == len(history)
    return run.info.run_id, run.info.status, curve


def parameters(home: Path) -> dict[str, torch.Tensor]:
    checkpoints = sorted((home / "mlruns").rglob("*.ckpt"), key=lambda p: p.stat().st_mtime)
    return torch.load(checkpoints[-1], weights_only=True)["state_dict"]


def test_a_killed_run_goes_on_to_the_same_numbers(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    path = tmp_path / "whole.json"
    code, _, err = finish(toy(whole, "--json", str(path)))
    assert code == 0, err
    assert finish(toy(killed, breaks="kill:13:0"))[0] == -signal.SIGKILL
    run_id, _, before = recorded(killed)
    again = tmp_path / "again.json"
    code, _, err = finish(toy(killed, "--resume", run_id[:8], "--json", str(again)))
    assert code == 0, err
    same_id, status, curve = recorded(killed)
    assert (same_id, status) == (run_id, "FINISHED")
    assert before.items() <= curve.items()
    assert curve == recorded(whole)[2] and sorted(curve) == list(range(min(curve), max(curve) + 1))
    for name, value in parameters(whole).items():
        torch.testing.assert_close(parameters(killed)[name], value, rtol=0, atol=0)
    one, two = json.loads(path.read_text()), json.loads(again.read_text())
    assert all(one[k] == two[k] for k in ("free_energy", "free_energy_error", "energy", "entropy"))


def test_a_nan_ends_the_run_as_failed_with_the_last_checkpoint_intact(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    code, _, err = finish(toy(tmp_path, "--json", str(path), breaks="nan:13:0"))
    assert code == 1
    assert "last good checkpoint" in err and "Traceback" not in err
    assert recorded(tmp_path)[1] == "FAILED" and json.loads(path.read_text())["status"] == "FAILED"
    assert all(bool(torch.isfinite(p).all()) for p in parameters(tmp_path).values())


def test_sigterm_leaves_a_checkpoint_and_the_status_killed(tmp_path: Path) -> None:
    process = toy(tmp_path, "--trainer.max_steps", "1000000")
    deadline = time.monotonic() + 200
    while not list((tmp_path / "mlruns").rglob("*.ckpt")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 143 and "--resume" in err
    assert recorded(tmp_path)[1] == "KILLED"
