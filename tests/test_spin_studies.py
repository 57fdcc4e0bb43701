"""The studies of classical spins through their command line, cut down to seconds."""

import optuna
import pandas as pd
import pytest
from judging import errors

from studies.inverse_ising_beta import inverse_ising_beta
from studies.ising_network import ising_network
from studies.sk_temperature import sk_temperature
from vfe_lightning.analysis.spin_scan import table
from vfe_lightning.result import Result
from vfe_lightning.study.command_line import main

TINY = "--trainer.max_steps 4 --batch_size 20 --trainer.evaluation_batches 2".split()
ANNEALED = "--annealing.steps 2".split()


def outcome(study, *argv: str) -> int:
    with pytest.raises(SystemExit) as exit:
        main(study, [*argv, *TINY, "--trainer.progress_bar", "false"])
    return exit.value.code


@pytest.mark.usefixtures("painted_at_last")
def test_a_scan_of_the_temperature_leaves_its_table_and_figure(client, home):
    assert outcome(sk_temperature, "--n", "8", "--n-trials", "2", *ANNEALED) == 0
    [picture] = (home / "mlruns" / "artifacts").glob("*/artifacts/figures/free_energy_against_beta.png")
    rows = pd.read_csv(picture.parents[1] / "table.csv")
    assert list(rows["beta"]) == [0.5, 1.0]
    assert (rows["network"] > rows["exact"] - errors(40) * rows["network_error"]).all()
    assert (rows["naive mean field"] >= rows["exact"]).all()


@pytest.mark.usefixtures("painted_at_last")
def test_a_scan_of_the_inverse_problem_leaves_its_table_and_figure(client, home):
    assert outcome(inverse_ising_beta, "--n", "6", "--n-trials", "2") == 0
    [picture] = (home / "mlruns" / "artifacts").glob(
        "*/artifacts/figures/reconstruction_error_against_beta.png"
    )
    rows = pd.read_csv(picture.parents[1] / "table.csv")
    assert list(rows["beta"]) == [0.1, 0.3]
    assert (rows["Sessak-Monasson"] < rows["independent pair"]).all()  # exact to higher order in beta
    assert (rows["network"] > rows["Sessak-Monasson"]).all()  # four steps are none


@pytest.mark.usefixtures("painted_at_last")
@pytest.mark.slow
def test_a_scan_of_the_networks_weighs_time(client, home, capsys):
    assert outcome(ising_network, "--L", "4", "--n-trials", "6", *ANNEALED) == 0
    storage = f"sqlite:///{home}/mlruns/optuna.db"
    trials = optuna.load_study(study_name="ising_network", storage=storage).trials
    assert [len(t.values) for t in trials if t.values] == [2] * 6
    [picture] = (home / "mlruns" / "artifacts").glob("*/artifacts/figures/pareto.png")
    rows = pd.read_csv(picture.parents[1] / "table.csv")
    assert len(set(zip(rows["network"], rows["optimizer"], strict=True))) == 6
    assert rows["free_energy"].is_monotonic_increasing and (rows["seconds_per_step"] > 0).all()
    assert rows["network"][0] == "hierarchical"  # nine of sixteen spins are exact from the first step on


def test_errors_of_a_scan_are_relative_and_gaps_stay_gaps():
    def result(beta: float, landmarks: dict) -> Result:
        return Result(
            "FINISHED", None, "sk", {"beta": beta}, 1.0,
            free_energy=-1.9, free_energy_error=0.01, reference_free_energy=-2.0, landmarks=landmarks,
        )  # fmt: skip

    none = {"naive mean field": -1.0, "Bethe (not converged)": None}
    rows = table([result(2.0, none), result(1.0, {"naive mean field": -1.5, "Bethe": -2.2})])
    assert list(rows["beta"]) == [1.0, 2.0]
    assert list(rows["relative error, network"]) == pytest.approx([0.05, 0.05])
    assert rows["relative error, Bethe"][0] == pytest.approx(-0.1)
    assert rows["Bethe"].isna().tolist() == [False, True]
