"""The table and the figure of any scan."""

import numpy as np
import pandas as pd
import pytest

from vfe_lightning.analysis.scan import averaged, figure, table
from vfe_lightning.result import Result

HALF = {"value": -1.0, "error": 0.1, "units": "", "per": ""}


def result(free_energy: float, exact: float | None = None, **others) -> Result:
    known = {} if exact is None else {"reference_free_energy": exact, "excess": free_energy - exact}
    given = {"free_energy": free_energy, "free_energy_error": 0.5, **known, **others}
    return Result("FINISHED", "abcdefghijk", "toy", {}, 1.0, **given)


def test_the_table_has_no_column_of_nothing():
    points = [{"beta": 1.0, "seed": 1}, {"beta": 2.0, "seed": 1}]
    rows = table(points, [result(1.0), result(2.0, alarms={"tails": "long"})])
    assert list(rows) == ["beta", "seed", "free_energy", "free_energy_error", "alarms", "run"]
    assert rows["alarms"].fillna("").tolist() == ["", "tails"] and rows["run"].tolist() == ["abcdefgh"] * 2
    rows = table(points, [result(1.0, 0.5, observables={"importance_free_energy": HALF}), result(2.0)])
    assert rows["excess"].tolist()[0] == 0.5 and rows["importance_free_energy"].tolist()[0] == -1.0


def test_seeds_are_a_mean_with_their_scatter():
    rows = table([{"beta": b, "seed": s} for b in (1, 2) for s in (1, 2)], [result(f) for f in (1, 3, 5, 5)])
    points = averaged(rows, ["beta"], "free_energy")
    assert points["free_energy"].tolist() == [2.0, 5.0]
    assert points["error"].tolist() == pytest.approx([np.sqrt(2), 0.0])
    assert averaged(rows, ["beta", "seed"], "free_energy")["error"].tolist() == [0.5] * 4


def lines(axes: list[str], curves: list[str], rows: pd.DataFrame):
    [panel] = figure(rows, axes, curves, "Ry").axes
    return panel, [(c.get_label(), c.lines[0].get_xdata(), c.lines[0].get_ydata()) for c in panel.containers]


def test_a_curve_for_each_combination_of_the_others():
    points = [{"kind": k, "beta": b, "seed": s} for k in ("made", "flow") for b in (2, 1) for s in (1, 2)]
    rows = table(points, [result(float(f), 0.0) for f in range(8)])
    panel, drawn = lines(["kind", "beta", "seed"], ["kind", "beta", "seed"], rows)
    assert [label for label, *_ in drawn] == ["kind made", "kind flow"]
    assert [list(x) for _, x, _ in drawn] == [[1, 2], [1, 2]]
    assert [list(y) for *_, y in drawn] == [[2.5, 0.5], [6.5, 4.5]]
    assert panel.get_ylabel() == "(F - exact F) / (Ry)" and panel.get_xlabel() == "beta"


def test_points_of_a_search_are_no_seeds_of_each_other():
    rows = table([{"width": 4, "rate": r} for r in (0.1, 0.2)], [result(1.0), result(2.0, 1.0)])
    panel, [(_, x, y)] = lines(["width", "rate"], [], rows)
    assert list(x) == [4, 4] and list(y) == [1.0, 2.0] and panel.get_ylabel() == "F / (Ry)"


@pytest.mark.parametrize(
    ("rates", "scale"), [((0.001, 0.1), "log"), ((0.1, 0.2), "linear"), ((0, 9), "linear")]
)
def test_decades_are_drawn_as_decades(rates, scale):
    rows = table([{"rate": rate} for rate in rates], [result(1.0), result(2.0)])
    assert lines(["rate"], [], rows)[0].get_xscale() == scale


def test_without_numbers_there_are_words():
    rows = table([{"kind": k} for k in ("made", "flow")], [result(1.0), result(2.0)])
    _, [(_, x, _)] = lines(["kind"], ["kind"], rows)
    assert list(x) == ["made", "flow"] or list(x) == [0, 1]
