"""The experiments of the quantum dot through the real command line, cut down to seconds."""

import json
import math
from pathlib import Path

import pytest
from processes import command

TINY = (
    "--batch_size 16 --flow.velocity.width 4 --flow.steps 2 --trainer.max_steps 3 "
    "--trainer.evaluation_batches 2 --trainer.progress_bar false"
).split()
POINTS = {
    "quantum_dot": "--n_up 2 --n_down 2 --z 1 --beta 1.5 --shells 5",
    "quantum_dot_ground_state": "--n_up 2 --n_down 0 --z 2 --beta inf",
}


@pytest.mark.parametrize("experiment", POINTS)
def test_experiment_leaves_its_results(experiment: str, home: Path) -> None:
    path = home / "result.json"
    done = command(home, experiment, *POINTS[experiment].split(), *TINY, "--json", str(path))
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(path.read_text())
    assert result["status"] == "FINISHED" and result["units"] == "hbar omega"
    observables = {name: number["value"] for name, number in result["observables"].items()}
    parts = observables["kinetic"] + observables["trap"] + observables["interaction"]
    assert result["energy"] == pytest.approx(parts, abs=1e-12)
    for name in ("free_energy", "energy", "entropy"):
        assert observables[f"total_{name}"] == pytest.approx(result["size"] * result[name])
    assert {"virial", "base_trap_excess", "inversion_residual"} <= observables.keys()
    assert "first order" in result["landmarks"]
    files = {p.name for p in (home / "mlruns" / "artifacts").rglob("*") if p.is_file()}
    expected = {"convergence.png", "density.png", "pair_density.png", "results.csv", "declaration.json"}
    if experiment == "quantum_dot":
        assert result["reference_free_energy"] is None
        expected.add("occupation.png")
    else:
        assert result["reference_free_energy"] == pytest.approx(4.141751822 / 2, abs=1e-9)
        assert result["entropy"] == 0 and result["free_energy"] == result["energy"]
        assert math.isinf(float(result["declaration"]["beta"]))
    assert expected <= files


@pytest.mark.slow
def test_mixed_determinants_at_a_temperature(home: Path) -> None:
    path, mixed = (
        home / "result.json",
        "--base_states.kind configuration_interaction --base_states.cutoff 3",
    )
    point = f"--n_up 2 --z 2 --beta 2 --occupation.kind levels {mixed}".split()
    done = command(home, "quantum_dot", *point, *TINY, "--json", str(path))
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(path.read_text())
    assert result["status"] == "FINISHED" and "mixed determinants" in result["landmarks"]
    assert 2 * result["reference_free_energy"] == pytest.approx(3.61869225, abs=1e-7)
    assert 2 * result["reference_entropy"] == pytest.approx(1.88783930, abs=1e-6)


@pytest.mark.slow
def test_a_ground_state_goes_on_from_its_checkpoint(home: Path) -> None:
    """beta = inf and the chosen determinant come back from the record."""
    path, point = home / "result.json", "--n_up 2 --z 1 --occupation.angular_momentum 1".split()
    first = command(home, "quantum_dot_ground_state", *point, *TINY, "--json", str(path))
    assert first.returncode == 0, first.stderr[-3000:]
    run = json.loads(path.read_text())["run_id"]
    more = ["--resume", run, "--trainer.max_steps", "5", "--json", str(path)]
    done = command(home, "quantum_dot_ground_state", *more)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(path.read_text())
    assert result["steps"] == 5 and result["declaration"]["occupation"]["angular_momentum"] == 1
    assert result["declaration"]["base_states"]["kind"] == "configuration_interaction"


@pytest.mark.parametrize(
    ("experiment", "arguments", "words"),
    [
        ("quantum_dot", "--z -1", ["z", "-1", ">= 0"]),
        ("quantum_dot", "--beta inf", ["beta", "quantum_dot_ground_state"]),
        ("quantum_dot_ground_state", "--beta 3", ["beta", "determinant"]),
        ("quantum_dot", "--n_up 0", ["n_up", "> 0"]),
        ("quantum_dot", "--n_up 60 --shells 10", ["60", "shells", "55"]),
        ("quantum_dot", "--n_pu 3", ["n_pu", "n_up"]),
        ("quantum_dot", "--base_states.kind configuration_interaction", ["base_states", "levels"]),
        ("quantum_dot_ground_state", "--base_states.cutoff 40", ["cutoff", "14"]),
        ("quantum_dot", "--flow.velocity.kind graph", ["graph", "pair", "message_passing"]),
    ],
)
def test_bad_values_are_refused_in_one_line(
    experiment: str, arguments: str, words: list[str], tmp_path: Path
) -> None:
    done = command(tmp_path, experiment, *arguments.split())
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(word in done.stderr for word in words), done.stderr


def test_an_angular_momentum_out_of_reach_is_refused_in_one_line(tmp_path: Path) -> None:
    point = "--n_up 2 --shells 2 --occupation.angular_momentum 7".split()
    done = command(tmp_path, "quantum_dot_ground_state", *point, *TINY)
    assert done.returncode == 2
    assert "shells" in done.stderr and len(done.stderr.strip().splitlines()) == 1, done.stderr
