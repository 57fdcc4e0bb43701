"""The experiments and studies with spins 1/2 through the real command line, cut down to seconds."""

import json
import math

import pandas as pd
import pytest
from judging import errors
from test_experiments import command

from experiments.tfim import tfim
from studies.tfim_field import tfim_field
from studies.tfim_temperature import tfim_temperature
from vfe_lightning.study.command_line import main

TINY = (
    "--batch_size 40 --depth 1 --trainer.max_steps 4 --trainer.evaluation_batches 3 "
    "--trainer.progress_bar false --trainer.checkpoint_every 2 --annealing.steps 3"
).split()
NATURAL = {"kind": "natural_gradient", "quantum": {"momentum": 0.5}}
EXPERIMENTS = {
    "tfim by default": "--nx 2 --ny 2",
    "tfim": "--nx 2 --ny 2 --gamma 2 --beta 0.5 --network.kind made --optimizer.kind adam",
    "heisenberg": "--nx 1 --ny 1 --lattice kagome --gates.kind hardware --optimizer.kind natural_gradient",
}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_leaves_its_results(experiment, home):
    path = home / "result.json"
    name = experiment.split()[0]
    done = command(home, name, *EXPERIMENTS[experiment].split(), *TINY, "--json", str(path))
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(path.read_text())
    assert result["status"] == "FINISHED" and result["units"] == "J"
    assert result["excess"] > -errors(100) * result["free_energy_error"]
    measured = result["observables"]
    for name in ("heat_capacity", "purity", "magnetization_x", "neighbours_zz"):
        assert math.isfinite(measured[name]["value"]) and measured[name]["error"] > 0
    assert measured["level_0"]["value"] >= measured["exact_level_0"]["value"] - 1e-9
    files = {p.name for p in (home / "mlruns" / "artifacts").rglob("*") if p.is_file()}
    assert {"levels.png", "convergence.png", "results.csv", "declaration.json"} <= files


@pytest.mark.parametrize(
    ("network", "optimizer"), [("made", NATURAL), ("peierls", NATURAL), ("peierls", {"kind": "lbfgs"})]
)
def test_a_run_goes_on_to_the_same_numbers(network, optimizer, home):
    """The probes of the metric draw from the generator that is in the checkpoint, and momentum is kept."""
    budget = {"max_steps": 4, "evaluation_batches": 2, "checkpoint_every": 2, "progress_bar": False}
    start = {"nx": 1, "ny": 3, "depth": 1, "annealing.steps": 2, "network": {"kind": network}}
    tiny = tfim.vary(**start, optimizer=optimizer, batch_size=40, trainer=budget)
    whole, half = tiny.run(), tiny.vary(**{"trainer.max_steps": 2}).run()
    rest = tiny.run(resume=half.run_id)
    assert (rest.free_energy, rest.energy, rest.entropy) == (whole.free_energy, whole.energy, whole.entropy)


@pytest.mark.usefixtures("painted_at_last")
@pytest.mark.parametrize(
    ("study", "column", "first", "picture"),
    [
        (tfim_temperature, "beta", [0.1, 0.2], "against_beta"),
        (tfim_field, "gamma", [0.0, 0.5], "against_gamma"),
    ],
)
def test_a_scan_leaves_its_table_and_figure(study, column, first, picture, client, home):
    flags = (
        "--nx 1 --ny 3 --depth 1 --batch_size 20 --trainer.max_steps 3 --annealing.steps 3 "
        "--trainer.evaluation_batches 2"
    )
    with pytest.raises(SystemExit) as exit:
        main(study, [*flags.split(), "--n-trials", "2", "--trainer.progress_bar", "false"])
    assert exit.value.code == 0
    [drawn] = (home / "mlruns" / "artifacts").glob(f"*/artifacts/figures/{picture}.png")
    rows = pd.read_csv(drawn.parents[1] / "table.csv")
    assert list(rows[column]) == first
    assert (rows["free_energy"] > rows["exact_free_energy"] - errors(40) * rows["free_energy_error"]).all()
    assert rows[["heat_capacity", "exact_heat_capacity", "exact_level_3"]].notna().all(axis=None)


@pytest.mark.parametrize(
    ("experiment", "arguments", "words"),
    [
        ("tfim", "--nx 5 --ny 5", ["nx = 5", "25 spins", "2 to 16"]),
        ("tfim", "--gama 2", ["gama", "gamma"]),
        ("tfim", "--gates.kind clifford", ["clifford", "general"]),
        ("tfim", "--network.kind made", ["lbfgs", "without noise", "--optimizer.kind adam"]),
        ("tfim", "--lattice kagome --nx 1 --ny 2", ["blocks", "kagome", "--gates.kind general"]),
        ("ising", "--optimizer.kind lbfgs", ["without noise", "--optimizer.kind adam"]),
        ("heisenberg", "--lattice martini", ["martini", "kagome"]),
    ],
)
def test_bad_values_are_refused_in_one_line(experiment, arguments, words, tmp_path):
    done = command(tmp_path, experiment, *arguments.split())
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(word in done.stderr for word in words), done.stderr
