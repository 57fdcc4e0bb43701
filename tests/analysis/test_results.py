"""How numbers are printed."""

import math
from dataclasses import replace

import pytest

from vfe_lightning.analysis.figures import convergence
from vfe_lightning.analysis.results import table, text, with_error
from vfe_lightning.result import Result


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (-4.89351, 0.00102, "-4.8935(10)"),
        (8.3, 0.0999, "8.30(10)"),
        (7.88e-12, 6.5e-13, "7.88(65)e-12"),
        (123456.0, 789.0, "123456(789)"),
        (-0.25, 0.0, "-0.25"),
        (-1.6257499053, 5.5e-18, "-1.6257499"),
        (1 / 3, math.nan, "0.33333333"),
    ],
)
def test_errors_are_in_units_of_the_last_digits(value, error, words):
    assert with_error(value, error) == words


GAS = Result(
    "FINISHED", "id", "gas", {}, 1.0, size=7, units="Ry", per="electron",
    free_energy=-1.0, free_energy_error=0.1,
    energy=-0.5, energy_error=0.1, entropy=2.0, entropy_error=0.2, variance=0.3,
    reference_free_energy=-1.1, reference_free_energy_error=0.01, excess=0.1,
    reference_energy=-0.6, reference_entropy=2.5, landmarks={"Hartree-Fock": -0.9},
    observables={
        "kinetic": {"value": 0.4, "error": 0.01, "units": "Ry", "per": "electron"},
        "acceptance": {"value": 0.5, "error": 0.0, "units": "", "per": ""},
        "heat_capacity": {"value": 0.8, "error": 0.1, "units": "k_B", "per": "electron"},
        "reweighted_heat_capacity": {"value": 0.7, "error": 0.1, "units": "k_B", "per": "electron"},
    },
    reference_heat_capacity=0.7,
)  # fmt: skip


def test_table_says_what_each_number_is_of():
    rows = table(GAS).set_index("name")
    units = rows["units"].to_dict()
    assert (units["free_energy"], units["entropy"], units["variance"]) == ("Ry", "k_B", "Ry^2")
    assert (units["kinetic"], units["acceptance"]) == ("Ry", "")
    assert set(rows.loc[rows.index != "acceptance", "per"]) == {"electron", "electron^2"}
    assert rows.at["variance", "per"] == "electron^2" and rows.at["acceptance", "per"] == ""
    assert rows.at["reference_energy", "value"] == -0.6 and rows.at["reference_entropy", "value"] == 2.5
    assert rows.at["reference_free_energy", "error"] == 0.01
    assert rows.at["reference_heat_capacity", "value"] == 0.7 and units["reference_heat_capacity"] == "k_B"
    assert rows.at["Hartree-Fock free_energy", "value"] == -0.9
    states = rows["state"].to_dict()
    assert (states["heat_capacity"], states["reference_heat_capacity"]) == ("variational", "exact")
    assert states["reweighted_heat_capacity"] == "Gibbs"


def test_text_tells_what_has_to_be_known():
    number = {"error": 0.1, "units": "Ry", "per": "electron"}
    told = replace(
        GAS,
        parameters="last",
        candidates={"mean": number | {"value": -0.9}, "last": number | {"value": -1.0}},
        no_reference="n = 7: too many",
        alarms={"below_exact": "F is below"},
        failures={"figures": "ValueError: infinite"},
    )
    assert text(told).splitlines()[-4:] == [
        "parameters: last (F: mean -0.90(10), last -1.00(10))",
        "no exact value: n = 7: too many",
        "ALARM below_exact: F is below",
        "failed: figures: ValueError: infinite",
    ]
    assert "free_energy" in text(GAS).splitlines()[0] and text(GAS).splitlines()[0].endswith(
        "Ry per electron"
    )


def test_convergence_shows_the_references():
    f = {step: -1.0 + 1 / step for step in range(1, 50)}
    figure = convergence(
        f, dict.fromkeys(f, 0.1), f, dict.fromkeys(f, 0.2), "Ry", "electron", {"exact": -1.1}
    )
    top = figure.axes[0]
    assert [line.get_label() for line in top.get_lines()][1] == "exact -1.1"
    assert top.get_ylim()[0] < -1.1
