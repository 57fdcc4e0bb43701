"""The experiments with classical spins through the real command line, cut down to seconds."""

import json
import math

import pytest
from judging import agrees, errors
from processes import command

from experiments.edwards_anderson import edwards_anderson
from experiments.ising import ising
from experiments.ising_triangular import ising_triangular
from experiments.potts import potts
from experiments.sk import sk
from experiments.xy import xy

TINY = (
    "--batch_size 40 --trainer.max_steps 6 --trainer.evaluation_batches 3 --trainer.progress_bar false "
    "--trainer.checkpoint_every 3"
).split()
EXPERIMENTS = {
    "ising": ("--L 4 --beta 0.5 --J -1 --network.width 4 --annealing.steps 4", "configurations.png"),
    "ising_triangular": ("--L 4 --beta 2 --annealing.steps 4", "configurations.png"),
    "hopfield": ("--n 16 --patterns 2 --beta 1.2 --annealing.kind exponential", "overlap_plane.png"),
    "sk": ("--n 8 --beta 1.5 --disorder_seed 2 --annealing.kind none", "overlap_distribution.png"),
    "edwards_anderson": (
        "--L 3 --beta 1 --h 0.2 --symmetrize false --annealing.steps 4",
        "configurations.png",
    ),
    "potts": ("--L 3 --beta 0.8 --q 4 --annealing.steps 4", "configurations.png"),
    "xy": ("--L 2 --beta 0.8", "configurations.png"),
    "inverse_ising": ("--n 6 --beta 0.7", "couplings.png"),
}

WITHOUT_MEAN_FIELD = ("inverse_ising", "potts", "xy")


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_leaves_its_results(experiment, home):
    flags, figure = EXPERIMENTS[experiment]
    path = home / "result.json"
    done = command(home, experiment, *flags.split(), *TINY, "--json", str(path))
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(path.read_text())
    assert result["status"] == "FINISHED" and result["units"] == "J"
    for name in ("free_energy", "energy", "entropy"):
        assert math.isfinite(result[name]) and math.isfinite(result[f"{name}_error"])
    beta = float(flags.split()[flags.split().index("--beta") + 1])
    assert result["free_energy"] == pytest.approx(result["energy"] - result["entropy"] / beta, abs=1e-12)
    measured = result["observables"]
    assert 0 < measured["effective_sample_size"]["value"] <= 1
    assert measured["importance_free_energy"]["error"] > 0
    if experiment == "inverse_ising":
        assert result["reference_free_energy"] is None
        assert measured["error_of_J_sessak_monasson"]["value"] < measured["error_of_J"]["value"]
    else:
        assert result["excess"] > -errors(100) * result["free_energy_error"]
        assert measured["heat_capacity"]["error"] > 0
    if experiment not in WITHOUT_MEAN_FIELD:
        assert "naive mean field" in result["landmarks"] and len(result["landmarks"]) == 2
        assert result["landmarks"]["naive mean field"] >= result["reference_free_energy"]
        assert result["reference_heat_capacity"] > 0
    files = {p.name for p in (home / "mlruns" / "artifacts").rglob("*") if p.is_file()}
    assert {figure, "convergence.png", "results.csv", "declaration.json"} <= files
    assert any(name.endswith(".ckpt") for name in files)


def test_a_run_goes_on_to_the_same_numbers(home):
    """The running baseline and the random numbers are in the checkpoint."""
    budget = {"max_steps": 6, "evaluation_batches": 3, "checkpoint_every": 3, "progress_bar": False}
    tiny = sk.vary(
        n=6, annealing={"kind": "none"}, gradient={"kind": "past_average"}, batch_size=40, trainer=budget
    )
    whole, half = tiny.run(), tiny.vary(**{"trainer.max_steps": 3}).run()
    rest = tiny.run(resume=half.run_id)
    assert rest.steps == 6
    assert (rest.free_energy, rest.energy, rest.entropy) == (whole.free_energy, whole.energy, whole.entropy)


@pytest.mark.parametrize(
    ("experiment", "arguments", "words"),
    [
        ("ising", "--L 1", ["L = 1", ">= 2"]),
        ("ising", "--J 0", ["J = 0"]),
        ("ising", "--L 12", ["hierarchical", "L = 4, 8, 16", "--network.kind made"]),
        ("ising_triangular", "--periodic false", ["hierarchical", "--periodic true"]),
        ("ising", "--lattice honeycomb", ["honeycomb", "square"]),
        ("edwards_anderson", "--h 0.3", ["h = 0.3", "--symmetrize false"]),
        ("edwards_anderson", "--disorder cauchy", ["cauchy", "gaussian"]),
        ("potts", "--q 1", ["q = 1", ">= 2"]),
        ("potts", "--J 0", ["J = 0"]),
        ("potts", "--network.kind hierarchical", ["hierarchical", "made"]),
        ("xy", "--J -1", ["J = -1", "> 0"]),
        ("xy", "--optimizer.kind natural_gradient", ["--optimizer.kind adam"]),
        ("ising", "--gradient.kind measure_valued", ["measure_valued", "bernoulli"]),
        ("hopfield", "--paterns 3", ["paterns", "patterns"]),
        ("sk", "--network.kind pixel_cnn", ["pixel_cnn", "made"]),
        ("sk", "--trainer.max_steps 3", ["annealing.steps", "trainer.max_steps = 3"]),
        ("inverse_ising", "--optimizer.kind natural_gradient", ["--optimizer.kind adam"]),
        ("inverse_ising", "--n 30", ["n = 30", "<= 20"]),
    ],
)
def test_bad_values_are_refused_in_one_line(experiment, arguments, words, tmp_path):
    done = command(tmp_path, experiment, *arguments.split())
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "relative"),
    [(ising, 2e-4), (ising_triangular, 2e-3), (potts, 1e-3), (edwards_anderson, 1e-3), (xy, 1e-3)],
)
def test_the_default_run_comes_close_to_the_exact_torus(experiment, relative, home):
    """L = 16 at beta = 0.44, the frustrated lattice of L = 8 at beta = 1, ...: a minute or two each."""
    result = experiment.vary(**{"trainer.progress_bar": False}).run()
    exact, error = result.reference_free_energy, result.free_energy_error
    assert -errors() * error < result.excess < relative * abs(exact)
    importance = result.observables["importance_free_energy"]
    assert agrees(importance["value"], importance["error"], exact)
    assert result.observables["effective_sample_size"]["value"] > 0.8
