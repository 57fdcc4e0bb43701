"""The real experiments through the real command line, cut down to seconds."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from judging import errors
from processes import command

ROOT = Path(__file__).parent.parent
TINY = (
    "--batch_size 16 --optimizer.quantum.max_norm 1e-5 "
    "--trainer.max_steps 3 --trainer.evaluation_batches 2 --trainer.progress_bar false "
    "--chunk_size 8"
).split()
SMALL_NETS = "--flow.width 4 --flow.pair_width 4".split()
EXPERIMENTS = {
    "heg3d": "--n 4",
    "heg2d": "--n 3 --occupation.kind quasiparticle",
    "heg3d_brown": "--n 2 --theta 0.2",
    "heg3d_metal": "--n_up 2 --n_down 2",
    "heg2d_ground_state": "--n 5",
}


def python(home: Path, experiment: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"VFE_HOME": str(home), "OMP_NUM_THREADS": "1"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    return subprocess.run(
        [sys.executable, "-m", f"experiments.{experiment}", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_leaves_its_results(experiment: str, home: Path) -> None:
    path = home / "result.json"
    done = command(
        home, experiment, *EXPERIMENTS[experiment].split(), *TINY, *SMALL_NETS, "--json", str(path)
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(path.read_text())
    assert result["status"] == "FINISHED" and result["units"] == "Ry"
    for name in ("free_energy", "energy", "entropy"):
        assert math.isfinite(result[name]) and math.isfinite(result[f"{name}_error"])
    parts = result["observables"]["kinetic"]["value"] + result["observables"]["potential"]["value"]
    assert result["energy"] == pytest.approx(parts, abs=1e-12)
    assert result["observables"]["sign_det_jacobian_min"]["value"] == 1
    count = "n_up" if experiment == "heg3d_metal" else "n"
    assert result["declaration"][count] == int(EXPERIMENTS[experiment].split()[1])
    has_reference = experiment in ("heg2d", "heg3d_brown")  # so few electrons are diagonalised
    assert (result["reference_free_energy"] is not None) == has_reference
    if experiment == "heg2d_ground_state":
        assert result["entropy"] == 0 and result["free_energy"] == result["energy"]
    files = {p.name for p in (home / "mlruns" / "artifacts").rglob("*") if p.is_file()}
    figures = {"convergence.png", "pair_correlation.png", "structure_factor.png", "occupation.png"}
    assert figures | {"results.csv", "declaration.json"} <= files
    assert any(name.endswith(".ckpt") for name in files)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--rs -1", ["rs", "-1", "> 0"]),  # in a new process, the others in a fork
        ("--theta 0", ["theta", "heg2d_ground_state"]),
        ("--n 100 --cutoff 5", ["n = 100", "57"]),
        ("--thetta 0.1", ["thetta", "theta"]),
        ("--occupation.kind transformer --occupation.width 10", ["width", "heads"]),
    ],
)
def test_bad_values_are_refused_in_one_line(arguments: str, words: list[str], tmp_path: Path) -> None:
    start = python if arguments == "--rs -1" else command
    done = start(tmp_path, "heg3d", *arguments.split())
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert not (tmp_path / "mlruns").exists()


def test_a_flow_that_is_no_bijection_is_an_error_in_one_line(home: Path) -> None:
    """First weights this large fold space."""
    done = command(
        home, "heg3d", *TINY, *SMALL_NETS, "--flow.init_scale", "3", "--json", str(home / "r.json")
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and "bijection" in last and "max_norm" in last and "FAILED" in last
    assert json.loads((home / "r.json").read_text())["status"] == "FAILED"


def test_an_unreachable_server_is_an_error_at_the_start(tmp_path: Path) -> None:
    done = command(tmp_path, "heg3d", *TINY, timeout=60, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert done.returncode == 2
    assert "127.0.0.1:9" in done.stderr and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_training_does_not_raise_f_of_a_hot_gas(seed: int, home: Path) -> None:
    """At r_s = 1 and theta = 1 little is to be gained, and the noise of the flow's gradient is large."""
    path = home / "result.json"
    point = "--n 4 --rs 1 --theta 1 --cutoff 12 --trainer.max_steps 60 --trainer.progress_bar false"
    done = command(home, "heg3d", *point.split(), "--seed", str(seed), "--json", str(path), timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(path.read_text())
    found = {"quoted": {"value": result["free_energy"], "error": result["free_energy_error"]}}
    bound = result["landmarks"]["Hartree-Fock"]
    assert bound == pytest.approx(-5.7989, abs=1e-4)
    for number in (found | result["candidates"]).values():
        assert number["value"] - bound < errors() * number["error"]
