"""How results are shown: the answer first, then what it is compared with, then the rest."""

from dataclasses import replace

import pytest
from results_of_a_gas import GAS

from vfe_lightning.presentation import html, markdown, text
from vfe_lightning.result import Result

NUMBER = {"error": 0.1, "units": "Ry", "per": "electron"}
TOLD = replace(
    GAS,
    parameters="last",
    candidates={"mean": NUMBER | {"value": -0.9}, "last": NUMBER | {"value": -1.0}},
    alarms={"below_exact": "F is <below>"},
    failures={"figures": "ValueError: infinite"},
)
WELL = Result(
    "FINISHED", "id", "well", {}, 1.0, units="epsilon", per="system",
    free_energy=-11.7, free_energy_error=0.02,
    observables={
        name: {"value": value, "error": error, "units": "epsilon", "per": "system"}
        for name, value, error in (
            ("acceptance", 0.5, 0.01), ("reweighted_energy", -10.4, 0.1),
            ("free_energy_difference", 4.8, 0.1), ("exact_free_energy_difference", 4.77, 0.0),
        )
    },
)  # fmt: skip


def test_the_answer_comes_first():
    lines = text(GAS).splitlines()
    assert lines[:2] == ["F = -1.00(10) Ry per electron", "exact -1.100(10), excess 0.10(10)"]
    titles = [line for line in lines[2:] if line and not line.startswith(" ")]
    assert titles == ["compared with", "energy and entropy", "in the Gibbs state", "also measured"]
    rows = [line.split()[0] for line in lines if line.startswith(" ")]
    assert rows.index("variance") < rows.index("kinetic") and "reference_free_energy" not in text(GAS)


def test_a_difference_of_free_energies_is_an_answer_too():
    lines = text(WELL).splitlines()
    names = [line.split()[0] for line in lines[3:5]]
    assert names == ["free_energy_difference", "exact_free_energy_difference"]


def test_why_there_is_no_exact_value_stands_beside_the_answer():
    unknown = replace(WELL, no_reference="n = 7: too many")
    for page in (text(unknown), markdown(unknown), html(unknown)):
        assert page.index("F = -11.700(20)") < page.index("no exact value: n = 7: too many") < 200


def test_text_tells_what_has_to_be_known():
    assert text(TOLD).splitlines()[-3:] == [
        "parameters: last (F: mean -0.90(10), last -1.00(10))",
        "ALARM below_exact: F is <below>",
        "failed: figures: ValueError: infinite",
    ]


@pytest.mark.parametrize(("value", "told"), [(0.19, False), (-0.5, False), (0.21, True), (None, False)])
def test_an_entropy_that_may_still_move_is_told(value, told):
    measured = {} if value is None else {"stationarity": NUMBER | {"value": value}}
    assert ("not stationary" in text(replace(GAS, observables=measured))) is told


def test_a_notebook_shows_a_table_and_escapes_what_is_told():
    page = TOLD._repr_html_()
    assert page.index("-1.00(10)") < page.index("ALARM") < page.index("<table>") < page.index("failed")
    assert "F is &lt;below&gt;" in page and page.count("<tr>") == page.count("</tr>") > 10
    failed = replace(TOLD, status="FAILED", error="NotFinite: nan")
    assert "FAILED: NotFinite: nan" in failed._repr_html_()


def test_the_page_of_a_run_shows_alarms_before_the_table():
    page = markdown(TOLD)
    assert page.index("**F = -1.00(10)") < page.index("**ALARM") < page.index("| | value | |")
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {4}
