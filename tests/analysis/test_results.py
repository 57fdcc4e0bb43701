"""How numbers are printed."""

import math

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


def test_table_has_units():
    result = Result(
        "FINISHED", "id", "gas", {}, 1.0, size=7, units="Ry", free_energy=-1.0, free_energy_error=0.1,
        energy=-0.5, energy_error=0.1, entropy=2.0, entropy_error=0.2, variance=0.3,
        reference_free_energy=-1.1, excess=0.1, reference_energy=-0.6, reference_entropy=2.5,
        landmarks={"Hartree-Fock": -0.9},
        observables={"kinetic": {"value": 0.4, "error": 0.01}, "acceptance": {"value": 0.5, "error": 0.0},
                     "heat_capacity": {"value": 0.8, "error": 0.1}}, reference_heat_capacity=0.7,
    )  # fmt: skip
    units = table(result, ("kinetic",)).set_index("name")["units"].to_dict()
    assert (units["free_energy"], units["entropy"], units["variance"]) == ("Ry", "k_B", "Ry^2")
    assert (units["kinetic"], units["acceptance"]) == ("Ry", "")
    assert "reference_free_energy" in text(result, ("kinetic",))
    value = table(result, ()).set_index("name")["value"]
    assert value["reference_energy"] == -0.6 and value["reference_entropy"] == 2.5
    assert value["reference_heat_capacity"] == 0.7 and units["reference_heat_capacity"] == "k_B"
    assert value["Hartree-Fock free_energy"] == -0.9


def test_convergence_shows_the_references():
    f = {step: -1.0 + 1 / step for step in range(1, 50)}
    figure = convergence(f, dict.fromkeys(f, 0.1), f, dict.fromkeys(f, 0.2), "Ry", {"exact": -1.1})
    top = figure.axes[0]
    assert [line.get_label() for line in top.get_lines()][1] == "exact -1.1"
    assert top.get_ylim()[0] < -1.1
