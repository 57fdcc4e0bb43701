"""The studies of the quantum dot through their command line, cut down to seconds, and their tables."""

import math

import pandas as pd
import pytest

from studies.quantum_dot_coupling import quantum_dot_coupling
from studies.quantum_dot_temperature import quantum_dot_temperature
from vfe_lightning.analysis.quantum_dot_scan import coupling_table, temperature_table
from vfe_lightning.result import Result
from vfe_lightning.study.command_line import main

TINY = (
    "--n_up 2 --batch_size 16 --flow.velocity.width 4 --flow.steps 2 --trainer.max_steps 2 "
    "--trainer.evaluation_batches 2 --trainer.progress_bar false --n-trials 2"
).split()


def outcome(study) -> int:
    with pytest.raises(SystemExit) as exit:
        main(study, TINY)
    return exit.value.code


@pytest.mark.usefixtures("painted_at_last")
@pytest.mark.parametrize(
    ("study", "axis", "values"),
    [(quantum_dot_temperature, "beta", [2.0, 3.0]), (quantum_dot_coupling, "z", [2.0, 8.0])],
    ids=["temperature", "coupling"],
)
def test_a_scan_leaves_its_table_and_figure(client, home, study, axis: str, values: list[float]):
    assert outcome(study) == 0
    [picture] = (home / "mlruns" / "artifacts").glob(f"*/artifacts/figures/against_{axis}.png")
    rows = pd.read_csv(picture.parents[1] / "table.csv")
    assert list(rows[axis]) == values
    for name in ("energy", "free_energy", "entropy"):
        assert rows[name].notna().all() and (rows[f"{name}_error"] >= 0).all()
    # two electrons are not those of the papers
    assert rows["energy, Fermi flow"].isna().all()


def result(**declaration: float) -> Result:
    totals = {f"total_{name}": {"value": 1.0, "error": 0.1} for name in ("free_energy", "energy", "entropy")}
    return Result("FINISHED", None, "quantum_dot", declaration, 1.0, observables=totals)


def test_published_numbers_stand_beside_their_own_points_alone():
    point = {"n_up": 6, "n_down": 0, "z": 0.5}
    rows = temperature_table([result(**point, beta=3.0), result(**point, beta=1.5)])
    assert list(rows["beta"]) == [1.5, 3.0]
    assert list(rows["energy, path integrals"]) == [20.432129, 18.714476]
    assert math.isnan(rows["free_energy, Fermi flow"][0]) and rows["free_energy, Fermi flow"][1] == 17.953196
    few = {"n_down": 0, "z": 8.0}
    rows = coupling_table([result(**few, n_up=3, beta=10.0)])
    assert rows["free_energy, configuration interaction"][0] == 15.592168
    assert rows["energy, Wigner molecule"][0] == pytest.approx(15.594, rel=2e-3)
    assert coupling_table([result(**few, n_up=3, beta=9.0)])["energy, Fermi flow"].isna().all()
