"""Scans without a file: grids, ranges and warm starts, that are resumed by the same command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import optuna
import pandas as pd
import pytest
from processes import code_of, git, on_command_line
from toy import toy

from vfe_lightning.study.scan import main, planned
from vfe_lightning.study.watch import RESULT, kept

ROOT = Path(__file__).parents[2]
SHORT = ["--trainer.progress_bar", "false", "--trainer.max_steps", "5", "--optimizer.learning_rate", "0.1"]
WARM = ["toy:toy", "--temperature", "0.5,1,2", "--warm", "temperature"]


def outcome(*argv: str) -> int:
    with pytest.raises(SystemExit) as exit:
        main(argv)
    return int(exit.value.code or 0)


def trials(home: Path) -> list[optuna.trial.FrozenTrial]:
    """Of the only study there is."""
    return optuna.load_study(study_name=None, storage=f"sqlite:///{home}/mlruns/optuna.db").trials


def results(home: Path) -> list[dict]:
    return [json.loads(kept(t, RESULT)) for t in trials(home) if t.state.name == "COMPLETE"]


def artifact(home: Path, name: str) -> Path:
    [found] = (home / "mlruns" / "artifacts").glob(f"*/artifacts/{name}")
    return found


@pytest.mark.usefixtures("painted_at_last")
def test_a_grid_is_nested_runs_a_table_and_a_figure(client, home, capsys):
    line = ["toy:toy", "--temperature", "0.5,1", "--seed", "1,2", "--batch_size", "32", *SHORT]
    assert outcome(*line) == 0
    found = results(home)
    points = [(r["declaration"]["temperature"], r["declaration"]["seed"]) for r in found]
    assert points == [(0.5, 1), (0.5, 2), (1.0, 1), (1.0, 2)]
    assert {r["declaration"]["batch_size"] for r in found} == {32}
    [filed] = [e for e in client.search_experiments() if e.name.startswith("studies/")]
    assert filed.name.startswith("studies/toy_temperature_seed_")
    runs = client.search_runs([filed.experiment_id])
    [parent] = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert {r["run_id"] for r in found} == {run.info.run_id for run in runs if run is not parent}
    assert {run.data.tags["mlflow.source.name"] for run in runs} == {"toy"}
    assert "toy over temperature = 0.5, 1.0; seed = 1, 2" in parent.data.tags["mlflow.note.content"]
    rows = pd.read_csv(artifact(home, "table.csv"))
    assert list(zip(rows["temperature"], rows["seed"], strict=True)) == points
    for name in ("free_energy", "free_energy_error", "reference_free_energy", "energy", "entropy"):
        assert rows[name].tolist() == pytest.approx([r[name] for r in found])
    assert (rows["excess"] - rows["free_energy"] + rows["reference_free_energy"]).abs().max() < 1e-12
    assert artifact(home, "figures/scan.png").stat().st_size > 1000
    assert "excess" in capsys.readouterr().out
    assert outcome(*line) == 0 and len(trials(home)) == 4  # the same command has nothing left to do


def test_the_script_that_declares_an_experiment_is_recorded(client, home, tmp_path, monkeypatch):
    """With the study and each of its runs, as if it had been started: a copy, or the commit that has it."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    script = tmp_path / "mine" / "scanned_here.py"
    script.parent.mkdir()
    script.write_text("from toy import toy\n\nmine = toy.vary(batch_size=32)\n")
    line = [f"{script}:mine", "--temperature", "0.5,1", *SHORT]
    assert outcome(*line) == 0
    git(script.parent, "init", "-q")
    git(script.parent, "add", ".")
    git(script.parent, "commit", "-qm", "mine")
    assert outcome(*line, "--name", "again") == 0
    commit = git(script.parent, "rev-parse", "HEAD")
    for filed in [e for e in client.search_experiments() if e.name.startswith("studies/")]:
        runs, again = client.search_runs([filed.experiment_id]), filed.name == "studies/again"
        assert len(runs) == 3
        for run in runs:
            tags = run.data.tags
            assert tags["mlflow.source.name"] == (script.name if again else str(script))
            assert (
                tags.get("git.commit") == tags.get("mlflow.source.git.commit") == (commit if again else None)
            )
            kept = [a.path for a in client.list_artifacts(run.info.run_id, "source")]
            assert kept == ([] if again else ["source/scanned_here.py"])


def test_names_tell_one_scan_from_another():
    line = ["toy:toy", "--temperature", "0.5,1", "--seed", "1,2"]
    known, _ = planned(line)
    assert planned(line)[0].name == known.name and known.size == 4
    for other in (["--seed", "1,3"], ["--batch_size", "7"], ["--warm", "seed"], ["--seed", "1"]):
        assert planned([*line, *other])[0].name != known.name
    study, own = planned([*line, "--name", "mine", "--workers", "2", "--n-trials", "3"])
    assert own == ["--n-trials", "3", "--workers", "2", "--name", "mine"] and study.name == known.name


@pytest.mark.slow
def test_a_point_starts_from_what_its_neighbour_has_learned(client, home):
    assert outcome("toy:toy", "--temperature", "0.5,1", "--seed", "1,2", "--warm", "temperature", *SHORT) == 0
    found = {(r["declaration"]["temperature"], r["declaration"]["seed"]): r for r in results(home)}
    assert len(found) == 4
    for (temperature, seed), result in found.items():
        start = client.get_run(result["run_id"]).data.tags.get("vfe.init_from")
        assert start == (found[temperature / 2, seed]["run_id"] if temperature > 0.5 else None)
    short = toy.vary(temperature=1, seed=2, trainer={"progress_bar": False, "max_steps": 5})
    short = short.vary(**{"optimizer.learning_rate": 0.1})
    again = short.run(init_from=found[0.5, 2]["run_id"])
    assert again.free_energy == found[1.0, 2]["free_energy"] != short.run().free_energy


@pytest.mark.slow
def test_a_killed_scan_goes_on_in_its_order(client, home):
    """The trial that was killed comes first, in its old run, since the next one starts from it."""
    log, hasty = home / "log", {"VFE_GRACE": "3", "TOY_BREAK": "kill:13:0"}
    line = [*WARM, "--trainer.progress_bar", "false"]
    assert code_of(on_command_line(log, *line, study="scan", environment=hasty)) == -9
    assert [t.state.name for t in trials(home)] == ["RUNNING"]
    hasty["TOY_BREAK"] = "none:0:0"
    assert code_of(on_command_line(log, *line, study="scan", environment=hasty)) == 0, log.read_text()
    dead, *others = trials(home)
    assert dead.state.name == "FAIL" and [t.state.name for t in others] == ["COMPLETE"] * 3
    assert others[0].user_attrs["run_id"] == dead.user_attrs["run_id"]
    assert [t.params["temperature"] for t in others] == [0.5, 1.0, 2.0]
    ids = [t.user_attrs["run_id"] for t in others]
    starts = [client.get_run(run).data.tags.get("vfe.init_from") for run in ids]
    assert starts == [None, *ids[:2]]


def test_ranges_are_searched_and_lists_beside_them(client, home, capsys):
    line = ["toy:toy", "--optimizer.learning_rate", "1e-3:0.1:log", "--batch_size", "16,32", *SHORT[:4]]
    assert outcome(*line, "--n-trials", "3", "--name", "mine") == 0
    found = trials(home)
    assert len(found) == 3 and {t.params["batch_size"] for t in found} <= {16, 32}
    assert all(1e-3 <= t.params["optimizer.learning_rate"] <= 0.1 for t in found)
    rows = pd.read_csv(artifact(home, "table.csv"))
    assert rows["free_energy"].is_monotonic_increasing and artifact(home, "figures/scan.pdf")
    assert "run it again" in capsys.readouterr().out
    assert outcome(*line, "--n-trials", "4", "--name", "mine", "--temperature", "3") == 2
    assert "study mine was begun as toy:toy --optimizer.learning_rate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nothing --seed 1,2", "there is no experiment nothing: give module:object, a script, or one of"),
        ("--seed 1,2", "the experiment comes first"),
        ("toy:toy --temprature 1,2", "did you mean --temperature?"),
        ("toy:toy --temperature 1,-1", "temperature = -1 is not allowed"),
        ("toy:toy --temperature 1 --seed 2", "nothing to scan"),
        ("toy:toy --seed 1,2 --warm temperature", "--warm temperature is not allowed: one of the axes, seed"),
        ("toy:toy --seed 1,2 --warm", "--warm is not allowed"),
        ("toy:toy --seed 1:9 --warm seed", "--warm needs neighbours"),
        ("toy:toy --seed 1,2 --resume abc", "there is no --resume"),
        ("toy:toy --seed 1,2 --n-trials 3", "the grid has 2 points"),
        ("toy:toy --seed 1,2 stray", "what is stray?"),
        ("toy:toy --optimizer {1} --seed 1,2", "--optimizer {1} is no JSON"),
    ],
)
def test_refusals_are_one_line_before_anything_is_run(line, words, home, capsys):
    assert outcome(*line.split()) == 2
    err = capsys.readouterr().err
    assert words in err and len(err.strip().splitlines()) == 1
    assert not (home / "mlruns" / "optuna.db").exists()


def test_help_says_what_there_is(capsys):
    assert outcome("--help") == 0
    out = capsys.readouterr().out
    assert "--warm" in out and "quantum_dot_ground_state" in out
    assert outcome("ising", "--help") == 0
    out = capsys.readouterr().out
    assert "usage: python -m vfe_lightning scan ising" in out and "--beta " in out and "--resume" not in out
    assert outcome("ising", "--help", "trainer") == 0 and "--trainer.max_steps" in capsys.readouterr().out


def test_help_is_light():
    code = (
        "import sys; from vfe_lightning.study.scan import main\n"
        "try: main(['ising', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'torch', 'lightning', 'mlflow', 'optuna', 'matplotlib', 'pandas'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def command(*argv: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "studies.scan", *argv]
    return subprocess.run(line, env=os.environ, cwd=ROOT, capture_output=True, text=True, timeout=500)


@pytest.mark.slow
def test_workers_keep_the_order_of_a_chain(client, home):
    done = command(*WARM, "--seed", "1,2", "--workers", "2", *SHORT)
    assert done.returncode == 0, done.stderr
    found = trials(home)
    assert len(found) == 6 and all(t.state.name == "COMPLETE" for t in found)
    runs = {(t.params["temperature"], t.params["seed"]): t for t in found}
    for (temperature, seed), trial in runs.items():
        start = client.get_run(trial.user_attrs["run_id"]).data.tags.get("vfe.init_from")
        neighbour = runs.get((temperature / 2, seed))
        assert start == (neighbour.user_attrs["run_id"] if neighbour else None)
        assert neighbour is None or neighbour.datetime_complete <= trial.datetime_start


@pytest.mark.slow
def test_a_trial_of_several_processes_starts_from_its_neighbour(client, home):
    done = command(*WARM[:1], "--temperature", "0.5,1", *WARM[3:], "--trainer.devices", "2", *SHORT)
    assert done.returncode == 0, done.stderr
    first, second = results(home)
    assert client.get_run(second["run_id"]).data.tags["vfe.init_from"] == first["run_id"]
