"""The real studies through their command line, cut down to seconds."""

import subprocess
import sys
from pathlib import Path

import optuna
import pandas as pd
import pytest
from judging import errors

from studies.deuterium_hugoniot import deuterium_hugoniot
from studies.heg2d_ansatz import heg2d_ansatz
from studies.heg2d_effective_mass import heg2d_effective_mass
from studies.heg2d_isotherm import heg2d_isotherm
from studies.heg2d_maxwell import heg2d_maxwell
from studies.heg3d_effective_mass import heg3d_effective_mass
from studies.heg3d_fxc import heg3d_fxc
from studies.hydrogen_isotherm import hydrogen_isotherm
from vfe_lightning.analysing import effective_masses
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


@pytest.mark.usefixtures("painted_at_last")
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


@pytest.mark.usefixtures("painted_at_last")
def test_the_search_of_the_ansatz_weighs_time(client, home, capsys):
    few = "--n-trials 2 --trainer.evaluation_batches 2 --optimizer.quantum.momentum 0".split()
    assert outcome(heg2d_ansatz, *few) == 0
    trials = optuna.load_study(study_name="heg2d_ansatz", storage=f"sqlite:///{home}/mlruns/optuna.db").trials
    assert [len(t.values) for t in trials if t.values] == [2, 2]
    out = capsys.readouterr().out
    assert "run it again:\n    python -m experiments.heg2d --config" in out
    assert list((home / "mlruns" / "artifacts").glob("*/artifacts/figures/pareto.png"))


SMALL = "--cutoff 4 --flow.width 4 --flow.pair_width 4 --trainer.evaluation_batches 10".split()


def report_of(home, figure) -> pd.DataFrame:
    """The table beside a figure of the only study of this store."""
    [drawn] = (home / "mlruns" / "artifacts").glob(f"*/artifacts/figures/{figure}.png")
    return pd.read_csv(drawn.parents[1] / "table.csv")


@pytest.mark.usefixtures("painted_at_last")
def test_masses_of_free_quasi_particles_are_one_by_both_routes(client, home, capsys, monkeypatch):
    monkeypatch.setattr(effective_masses, "STATES", 200)
    line = [*SMALL, "--occupation.kind", "ideal_gas", "--n-trials", "1", "--theta", "0.5"]
    assert outcome(heg2d_effective_mass, *line) == 0
    rows = report_of(home, "effective_mass")
    assert list(rows["route"]) == ["S / S_0", "slope at k_F, local energies", "slope at k_F, -T ln p"]
    assert abs(rows["m*/m"].iloc[0] - 1) < errors(320) * rows["m*/m_error"].iloc[0]
    assert rows["m*/m"].iloc[2] == pytest.approx(1, abs=1e-6)
    assert rows["R^2"].iloc[2] == pytest.approx(1, abs=1e-6) and rows["stationarity"].notna().sum() == 1
    assert "slope at k_F" in capsys.readouterr().out


@pytest.mark.usefixtures("painted_at_last")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "figure", "trials", "columns"),
    [
        (heg3d_effective_mass, "effective_mass", 4, {"m*/m", "m*/m_error", "n_down"}),
        (heg3d_fxc, "f_xc", 4, {"f_xc", "f_xc_error", "published_f_xc", "entropy"}),
        (heg2d_maxwell, "maxwell", 9, {"dS/dn", "dS/dn_error", "-dmu/dT", "-dmu/dT_error", "ideal"}),
    ],
    ids=lambda x: getattr(x, "name", None),
)
def test_scans_of_the_metal_end_in_a_table_and_a_figure(
    study, figure, trials, columns, client, home, monkeypatch
):
    monkeypatch.setattr(effective_masses, "STATES", 200)
    small = ["--cutoff", "5", *SMALL[2:], "--n-trials", str(trials)]
    assert outcome(study, *small) == 0
    rows = report_of(home, figure)
    assert columns <= set(rows) and len(rows) >= trials


ATOMS = (
    "--n 2 --orbitals.exponents [0.9,0.3] --flow.width 3 --flow.steps 1 --protons.layers 2 --protons.width 4 "
    "--mean_field_steps 1 --walkers_per_geometry 2 --trainer.max_steps 2 --batch_size 16 "
    "--trainer.evaluation_batches 2 --trainer.progress_bar false --n-trials"
).split()


@pytest.mark.usefixtures("painted_at_last")
def test_the_isotherm_of_hydrogen_has_both_pressures(client, home):
    with pytest.raises(SystemExit) as exit:
        main(hydrogen_isotherm, [*ATOMS, "3"])
    assert exit.value.code == 0
    rows = report_of(home, "isotherm")
    assert list(rows["rs"]) == [1.8, 2.0, 2.2] and rows["pressure_of_F"].notna().tolist() == [
        False,
        True,
        False,
    ]


@pytest.mark.usefixtures("painted_at_last")
@pytest.mark.slow
def test_the_hugoniot_has_a_row_for_each_temperature(client, home):
    with pytest.raises(SystemExit) as exit:
        main(deuterium_hugoniot, ["--occupation.levels", "3", *ATOMS, "6"])
    assert exit.value.code == 0
    rows = report_of(home, "hugoniot")
    assert list(rows["kelvin"]) == [10000, 20000] and {"compression", "pressure_error"} <= set(rows)


STUDIES = (
    "heg2d_ansatz heg2d_isotherm heg2d_effective_mass heg3d_effective_mass heg3d_fxc heg2d_maxwell "
    "hydrogen_isotherm deuterium_hugoniot".split()
)


@pytest.mark.parametrize("study", STUDIES)
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
