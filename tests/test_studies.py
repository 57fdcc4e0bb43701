"""The real studies through their command line, cut down to seconds."""

import subprocess
import sys
from pathlib import Path

import optuna
import pandas as pd
import pytest
from judging import errors

from studies.heg2d_ansatz import heg2d_ansatz
from studies.heg2d_isotherm import heg2d_isotherm
from vfe_lightning.study.command_line import main

ROOT = Path(__file__).parents[1]
TINY = (
    "--trainer.max_steps 3 --batch_size 32 --chunk_size 16 --optimizer.classical.momentum 0 "
    "--trainer.progress_bar false"
).split()


def outcome(study, *argv: str) -> int:
    with pytest.raises(SystemExit) as exit:
        main(study, [*argv, *TINY])
    return exit.value.code


@pytest.mark.usefixtures("painted")
@pytest.mark.slow
def test_the_effective_mass_of_the_ideal_gas_is_one(client, home, capsys):
    line = "--occupation.kind ideal_gas --n 5 --cutoff 9 --flow.width 4 --flow.pair_width 4 --n-trials 2"
    assert outcome(heg2d_isotherm, *line.split(), "--trainer.evaluation_batches", "40") == 0
    [folder] = (home / "mlruns" / "artifacts").glob("*/artifacts/figures/effective_mass.png")
    rows = pd.read_csv(folder.parents[1] / "table.csv")
    assert list(rows["rs"]) == [0.1, 1.0] and (rows["n"] == 5).all()
    assert (rows["m*/m_error"] < 0.1).all() and (rows["entropy_error"] > 0).all()
    assert ((rows["m*/m"] - 1).abs() < errors() * rows["m*/m_error"]).all()
    assert "m*/m" in capsys.readouterr().out


@pytest.mark.usefixtures("painted")
def test_the_search_of_the_ansatz_weighs_time(client, home, capsys):
    few = "--n-trials 2 --trainer.evaluation_batches 2 --optimizer.quantum.momentum 0".split()
    assert outcome(heg2d_ansatz, *few) == 0
    trials = optuna.load_study(study_name="heg2d_ansatz", storage=f"sqlite:///{home}/mlruns/optuna.db").trials
    assert [len(t.values) for t in trials if t.values] == [2, 2]
    out = capsys.readouterr().out
    assert "run it again:\n    python -m experiments.heg2d --config" in out
    assert list((home / "mlruns" / "artifacts").glob("*/artifacts/figures/pareto.png"))


@pytest.mark.parametrize("study", ["heg2d_ansatz", "heg2d_isotherm"])
def test_help_is_light(study):
    code = (
        f"import sys; sys.argv[1:] = ['--help']; from studies.{study} import {study}\n"
        f"try: {study}.main()\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'lightning', 'mlflow', 'optuna', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--n-trials" in done.stdout and f"python -m studies.{study}" in done.stdout
