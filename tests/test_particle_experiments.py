"""The experiments with classical particles and molecules through the command line, cut down to seconds."""

import json
import math
import random
from importlib.util import find_spec

import pytest
from judging import errors
from test_experiments import command

from experiments.double_well import double_well
from vfe_lightning.hamiltonians.alanine_dipeptide import peptide

TINY = (
    "--batch_size 40 --trainer.max_steps 4 --trainer.evaluation_batches 3 --trainer.progress_bar false "
    "--trainer.checkpoint_every 2"
).split()
TRAP = "--flow.velocity.width 4 --flow.steps 2"
GENERATOR = "--flow.layers 2 --flow.width 8 --samples.chains 40 --samples.trajectories 5"
EXPERIMENTS = {
    "coulomb_trap": (f"--n 2 {TRAP}", "density.png", True),
    "dimer": (GENERATOR, "free_energy_profile.png", True),
}
MORE = {
    "log_gas": (f"--n 3 --dim 1 --coupling 1 {TRAP}", "density.png", True),
    "lj13": (f"--samples.chains 20 --samples.trajectories 3 {TRAP}", "density.png", False),
    "solvated_dimer": (f"{GENERATOR} --samples.kept 2 --solvent 4 --stages 2", "works.png", False),
    "double_well": (GENERATOR, "samples.png", True),
    "mueller_brown": (GENERATOR, "samples.png", True),
}
if find_spec("openmm"):
    alanine = "--flow.layers 2 --flow.width 8 --dynamics.samples 100 --dynamics.stride 10"
    EXPERIMENTS["alanine_dipeptide"] = (alanine, "ramachandran.png", False)


@pytest.mark.slow
@pytest.mark.parametrize("experiment", MORE)
def test_further_experiments(experiment, home):
    leaves_its_results(experiment, home, *MORE[experiment])


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_leaves_its_results(experiment, home):
    leaves_its_results(experiment, home, *EXPERIMENTS[experiment])


def leaves_its_results(experiment, home, flags, figure, known):
    path = home / "result.json"
    done = command(home, experiment, *flags.split(), *TINY, "--json", str(path))
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(path.read_text())
    assert result["status"] == "FINISHED" and result["size"] == 1
    for name in ("free_energy", "energy", "entropy"):
        assert math.isfinite(result[name]) and math.isfinite(result[f"{name}_error"])
    assert (result["reference_free_energy"] is not None) == known
    if known:
        assert result["excess"] > -errors(100) * result["free_energy_error"]
    measured = result["observables"]
    if figure != "works.png":
        assert 0 < measured["effective_sample_size"]["value"] <= 1
    if figure == "density.png":
        assert {"virial_residual", "reweighted_virial_residual", "reweighted_trap"} <= measured.keys()
        if known:
            assert result["landmarks"]["independent particles"] > result["reference_free_energy"]
    elif figure == "works.png":
        assert {"bennett_difference", "bennett_overlap"} <= measured.keys()
    else:
        assert {"uncovered_data", "forward_effective_sample_size"} <= measured.keys()
        # a picosecond of the peptide may have seen one state alone
        both = 0 < measured["reweighted_first_state"]["value"] < 1
        assert ("free_energy_difference" in measured) == both and (both or figure == "ramachandran.png")
    files = {p.name for p in (home / "mlruns" / "artifacts").rglob("*") if p.is_file()}
    assert {figure, "convergence.png", "results.csv", "declaration.json"} <= files


def test_a_lost_mode_is_told(home):
    """A flow of the energy alone falls into the deeper well within a few steps."""
    flags = (
        "--data_weight 0 --flow.layers 4 --flow.width 16 --samples.chains 100 --optimizer.learning_rate 2e-2"
    )
    path = home / "result.json"
    budget = (
        "--batch_size 200 --trainer.max_steps 60 --trainer.evaluation_batches 5 --trainer.progress_bar false"
    )
    done = command(home, "double_well", *flags.split(), *budget.split(), "--json", str(path))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "a mode is lost" in done.stdout + done.stderr
    measured = json.loads(path.read_text())["observables"]
    assert measured["uncovered_data"]["value"] > 0.2
    assert measured["effective_sample_size"]["value"] > 0.3  # which does not show it
    assert measured["forward_effective_sample_size"]["value"] < 1e-6


@pytest.mark.slow
def test_energy_alone_finds_both_wells_by_way_of_a_hot_one():
    """Trained in the cold, none of its samples is in the upper well, of which there are to be 0.8 %."""
    hot = {"curriculum.kind": "linear", "curriculum.start": 0.0, "curriculum.steps": 600}
    alone = double_well.vary(data_weight=0.0, **{"trainer.progress_bar": False})
    cold, warmed = (run.run().observables["first_state"]["value"] for run in (alone, alone.vary(**hot)))
    assert cold == 0 and 1e-3 < warmed < 0.1


@pytest.mark.slow
def test_a_run_goes_on_to_the_same_numbers(home):
    """Data are made anew, and which of them are picked is in the state of the generator."""
    budget = {"max_steps": 6, "evaluation_batches": 3, "checkpoint_every": 3, "progress_bar": False}
    small = {"flow.layers": 2, "flow.width": 8, "samples.chains": 40, "samples.trajectories": 5}
    tiny = double_well.vary(batch_size=40, trainer=budget, **small)
    whole, half = tiny.run(), tiny.vary(**{"trainer.max_steps": 3}).run()
    rest = tiny.run(resume=half.run_id)
    assert rest.steps == 6
    assert (rest.free_energy, rest.energy, rest.entropy) == (whole.free_energy, whole.energy, whole.entropy)


@pytest.mark.parametrize(
    ("experiment", "arguments", "words"),
    [
        ("coulomb_trap", "--n 1", ["n = 1", ">= 2"]),
        ("coulomb_trap", "--beta inf", ["beta"]),
        ("log_gas", "--optimizer.kind natural_gradient", ["--optimizer.kind adam"]),
        ("double_well", "--energy_weight 0 --data_weight 0", ["energy_weight", "data_weight"]),
        ("one_component_plasma", "--gamma 0", ["gamma = 0", "> 0"]),
        ("double_well", "--b 3", ["b = 3", "< 0"]),
        ("solvated_dimer", "--samples.chains 8 --samples.kept 4", ["samples.kept = 32", "at least 40"]),
    ],
)
def test_bad_values_are_refused_in_one_line(experiment, arguments, words, tmp_path):
    done = command(tmp_path, experiment, *arguments.split())
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()


@pytest.mark.skipif(find_spec("openmm") is not None, reason="OpenMM is installed")
def test_alanine_dipeptide_without_openmm_is_refused(tmp_path):
    done = command(tmp_path, "alanine_dipeptide")
    assert done.returncode == 2 and "vfe-lightning[openmm]" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(find_spec("openmm") is None, reason="OpenMM is not installed")
def test_the_peptide_is_the_same_whenever_it_is_made():
    """OpenMM places hydrogens by the random numbers of the process, which go on as if it had not."""
    one = peptide.__wrapped__().positions
    random.seed(5)
    expected = random.random()
    random.seed(5)
    assert (peptide.__wrapped__().positions == one).all() and random.random() == expected
