"""Means over steps, Pareto fronts, and the effective mass from an entropy."""

import math

import pytest

from experiments.heg2d import heg2d
from vfe_lightning.analysis import effective_mass
from vfe_lightning.analysis.comparison import Curve, overlay, smoothed
from vfe_lightning.analysis.study_figures import on_front
from vfe_lightning.result import Result


def test_smoothed_means_and_their_errors():
    values, errors = {s: float(s) for s in range(1, 7)}, dict.fromkeys(range(1, 7), 0.3)
    steps, mean, error = smoothed(values, errors, 4)
    assert list(steps) == [2.5, 5.5] and list(mean) == [2.5, 5.5]
    assert error == pytest.approx([0.3 / 2, 0.3 / math.sqrt(2)])


def test_one_figure_has_a_panel_for_each_unit_and_a_line_for_each_exact_value():
    curve = Curve("a", {1: 1.0, 2: 2.0}, {1: 0.1, 2: 0.1}, "Ry", -1.5)
    other = Curve("b", {1: 1.0}, {}, "J", None)
    figure = overlay([curve, curve, other], 1)
    assert [axes.get_ylabel() for axes in figure.axes] == ["F / Ry", "F / J"]
    labels = [[line.get_label() for line in axes.lines] for axes in figure.axes]
    assert labels == [["a", "a", "exact -1.5"], ["b"]]


def test_the_front_is_what_nothing_dominates():
    points = {0: (1.0, 3.0), 1: (2.0, 2.0), 2: (3.0, 1.0), 3: (2.0, 3.0), 4: (3.0, 3.0), 5: (1.0, 3.0)}
    assert on_front(points) == {0, 1, 2, 5}


def result(rs: float, share: float) -> Result:
    declaration = heg2d.vary(rs=rs).declared()
    ideal = effective_mass.ideal_entropy(declaration)
    return Result(
        "FINISHED", None, "heg2d", declaration, 1.0, entropy=share * ideal, entropy_error=0.02 * ideal
    )


def test_effective_mass_is_the_share_of_the_ideal_entropy():
    rows = effective_mass.table([result(10.0, 0.5), result(1.0, 1.0)])
    assert list(rows["rs"]) == [1.0, 10.0]
    assert list(rows["m*/m"]) == pytest.approx([1.0, 0.5])
    assert list(rows["m*/m_error"]) == pytest.approx([0.02, 0.02])
    [axes] = effective_mass.figure(rows).axes
    assert "m^*/m" in axes.get_ylabel()


def test_ideal_entropy_tends_to_that_of_a_large_gas():
    """Sommerfeld in two dimensions: S / N = pi^2 / 3 theta, up to exponentially small terms."""
    declaration = heg2d.vary(n=101, cutoff=100, theta=0.3).declared()
    assert effective_mass.ideal_entropy(declaration) == pytest.approx(math.pi**2 / 3 * 0.3, rel=0.1)
