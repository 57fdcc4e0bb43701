"""The experiments with fields on a torus through the real command line, cut down to seconds."""

import json
import math

import pytest
from judging import errors
from test_experiments import command
from test_spin_experiments import TINY

from experiments.monge_ampere import monge_ampere
from experiments.neural_rg import neural_rg
from experiments.phi4 import phi4

EXPERIMENTS = {
    "phi4": ("--L 3 --flow.layers 2 --flow.width 2", {"fields.png", "two_point.png"}),
    "neural_rg": ("--L 4 --flow.width 4", {"renormalized.png", "spins.png", "two_point.png"}),
    "monge_ampere": ("--L 4 --flow.width 4 --flow.potentials 2", {"spins.png", "fields.png"}),
}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_leaves_its_results(experiment, home):
    flags, figures = EXPERIMENTS[experiment]
    path = home / "result.json"
    done = command(home, experiment, *flags.split(), *TINY, "--json", str(path))
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(path.read_text())
    assert result["status"] == "FINISHED" and result["units"] == "kT"
    assert result["free_energy"] == pytest.approx(result["energy"] - result["entropy"], abs=1e-12)
    assert result["excess"] > -errors(100) * result["free_energy_error"]
    assert result["landmarks"]["Gaussian"] > result["reference_free_energy"]
    measured = result["observables"]
    assert 0 < measured["effective_sample_size"]["value"] <= 1 and 0 <= measured["acceptance"]["value"] <= 1
    assert all(math.isfinite(measured[f"reweighted_{name}"]["error"]) for name in ("energy", "ising_energy"))
    folder = home / "mlruns" / "artifacts"
    assert figures | {"convergence.png"} <= {p.name for p in folder.rglob("*.png")}
    profiles = json.loads(next(folder.rglob("profiles.json")).read_text())
    assert len(profiles["reweighted_two_point"]["value"]) == int(flags.split()[1]) // 2 + 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "L", "relative"), [(neural_rg, 4, 2e-3), (neural_rg, 8, 5e-3), (monge_ampere, 8, 1e-3)]
)
def test_the_critical_ising_model_in_minutes(experiment, L, relative, home):
    found = experiment.vary(L=L, **{"trainer.progress_bar": False}).run()
    exact = found.reference_free_energy
    assert exact - errors() * found.free_energy_error < found.free_energy < exact + relative * abs(exact)
    importance = found.observables["importance_free_energy"]
    assert abs(importance["value"] - exact) < relative * abs(exact)


@pytest.mark.slow
def test_a_run_goes_on_to_the_same_numbers(home):
    budget = {"max_steps": 6, "evaluation_batches": 3, "checkpoint_every": 3, "progress_bar": False}
    tiny = phi4.vary(L=2, gradient={"kind": "path_only"}, symmetrize=True, batch_size=16, trainer=budget)
    whole, half = tiny.run(), tiny.vary(**{"trainer.max_steps": 3}).run()
    rest = tiny.run(resume=half.run_id)
    assert rest.steps == 6
    assert (rest.free_energy, rest.energy, rest.entropy) == (whole.free_energy, whole.energy, whole.entropy)


@pytest.mark.parametrize(
    ("experiment", "arguments", "words"),
    [
        ("phi4", "--lam 0", ["m2 = -4", "lam > 0"]),
        ("phi4", "--flow.kind neural_rg --L 6", ["L = 6", "power of 2"]),
        ("monge_ampere", "--flow.steps 0", ["steps", "> 0"]),
        ("neural_rg", "--optimizer.kind natural_gradient", ["--optimizer.kind adam"]),
    ],
)
def test_bad_values_are_refused_in_one_line(experiment, arguments, words, tmp_path):
    done = command(tmp_path, experiment, *arguments.split())
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(word in done.stderr for word in words), done.stderr
