"""Means over steps, Pareto fronts, and the effective mass from an entropy."""

import math

import pytest
from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunTag

from experiments.heg2d import heg2d
from vfe_lightning.analysis import effective_mass
from vfe_lightning.analysis.comparison import Curve, differing, overlay, smoothed, table
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


def recorded(run_id: str, params: dict[str, str], metrics: dict[str, float]) -> Run:
    info = RunInfo(
        run_id, "1", "u", "FINISHED", 0, 1, "active", artifact_uri=None, run_name=f"name of {run_id}"
    )
    of_metrics = [Metric(k, v, 0, 0) for k, v in metrics.items()]
    tags = [RunTag("units", "J"), RunTag("per", "spin")]
    return Run(info, RunData(of_metrics, [Param(*p) for p in params.items()], tags))


COMMON = {"name": "ising", "beta": "0.3", "network.kind": "made", "trainer.max_steps": "50", "seed": "1"}
EVALUATED = {
    "train/free_energy": -9.0, "train/variance": 7.0, "_quoted/free_energy": -1.0,
    "_quoted/free_energy_error": 0.01, "_quoted/variance": 0.5, "_quoted/reference_free_energy": -1.1,
    "_quoted/excess": 0.1,
}  # fmt: skip
OLD = {name.replace("_quoted/", "final/").removeprefix("train/"): v for name, v in EVALUATED.items()}


@pytest.mark.parametrize("metrics", [EVALUATED, OLD], ids=["now", "earlier version"])
def test_a_comparison_quotes_the_evaluation_and_what_was_done(metrics):
    runs = [
        recorded("first", COMMON, metrics),
        recorded("second", COMMON | {"beta": "0.5", "trainer.max_steps": "20"}, metrics),
    ]
    rows, others = table(runs, {"first": 80, "second": 20})
    assert list(rows.columns)[:4] == ["run", "beta", "steps", "F"] and others == []
    assert list(rows["steps"]) == [80, 20] and set(rows["F"]) == {"-1.000(10)"}
    assert set(rows["Var F_loc"]) == {"0.5"} and set(rows["excess"]) == {"0.100(10)"}


def test_parts_of_another_kind_are_told_by_their_kind():
    other = COMMON | {"network.kind": "pixel_cnn", "network.channels": "8", "seed": "2"}
    runs = [
        recorded("first", COMMON | {"network.width": "4"}, EVALUATED),
        recorded("second", other, EVALUATED),
    ]
    assert differing(runs) == ["network.kind", "seed"]


def test_runs_of_several_systems_are_told_by_their_names():
    gas = {"name": "heg3d", "rs": "5", "seed": "1"}
    runs = [recorded("first", COMMON, EVALUATED), recorded("second", gas, {"train/free_energy": -3.0})]
    rows, _ = table(runs, {})
    assert list(rows["experiment"]) == ["ising", "heg3d"] and "rs" not in rows.columns
    assert list(rows["parameters"]) == ["name of first", "name of second"] and rows["F"][1] == "-3"


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
