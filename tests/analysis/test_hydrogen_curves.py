"""Isotherms and Hugoniots of equations of state in closed form."""

import math

import pytest

from vfe_lightning.analysis import hydrogen_curves as curves
from vfe_lightning.units import GIGAPASCAL

V_0 = curves.volume(curves.INITIAL_RS)


class Run:
    """A run of an ideal gas of temperature t with a cold energy, F = e - t ln V: P = t / V, E = e + t / 2."""

    def __init__(self, kelvin, rs, t, e=0.0, error=1e-4, **declared):
        self.declaration = {"n": 4, "mass": 1836.2, "twist": 0.0, "kelvin": kelvin, "rs": rs} | declared
        v = curves.volume(rs)
        self.numbers = {
            "free_energy_with_motion": e - t * math.log(v),
            "energy_with_motion": e + t / 2,
            "entropy_with_motion": 0.5 + math.log(v),
            "pressure": GIGAPASCAL * t / v,
        }
        self.error = error

    def number(self, name):
        return self.numbers[name], self.error * (GIGAPASCAL / 10 if name == "pressure" else 1)


def test_the_pressure_is_the_slope_of_f_and_errors_are_those_of_three_runs():
    rows = curves.table([Run(1e4, rs, 0.3) for rs in (2.02, 1.98, 2.0)])
    assert list(rows["rs"]) == [1.98, 2.0, 2.02]
    assert rows["pressure_of_F"].isna().tolist() == [True, False, True]
    middle = rows.iloc[1]
    assert middle["pressure_of_F"] == pytest.approx(middle["pressure"], rel=1e-10)
    width = curves.volume(2.02) - curves.volume(1.98)
    assert middle["pressure_of_F_error"] == pytest.approx(GIGAPASCAL * 1e-4 * math.sqrt(2) / width, rel=1e-2)
    assert set(rows["n"]) == {4} and not rows[list(curves.COLUMNS)].isna().any().any()


@pytest.mark.parametrize("other", [{"n": 16}, {"mass": 3670.5}, {"twist": (0.5, 0.0, 0.0)}])
def test_runs_of_other_atoms_or_twists_are_on_an_isotherm_of_their_own(other):
    runs = [Run(1e4, rs, t, **d) for t, d in ((0.3, {}), (0.2, other)) for rs in (1.98, 2.0, 2.02)]
    rows = curves.table(runs)
    middle = rows[rows["rs"] == 2.0]
    assert middle["pressure_of_F"].tolist() == pytest.approx(middle["pressure"].tolist(), rel=1e-10)
    assert len(curves.hugoniot(rows)) == 2 and rows["pressure_of_F"].isna().sum() == 4


def test_the_hugoniot_of_an_ideal_gas():
    """E - E_0 = t / 2 + e and P = t / V: V_0 / V = 1 + (t + 2 e') / t with e' = e - E_0."""
    t, e = 0.1, curves.INITIAL_ENERGY + 0.1
    compression = 1 + (t + 0.2) / t  # 4
    at = curves.INITIAL_RS / compression ** (1 / 3)
    runs = [Run(2e4, at + d, t, e) for d in (-0.04, -0.01, 0.02)]
    (found,) = curves.hugoniot(curves.table(runs)).to_dict("records")
    assert found["compression"] == pytest.approx(compression, abs=1e-2)
    assert found["pressure"] == pytest.approx(GIGAPASCAL * t * compression / V_0, rel=1e-2)
    assert 0 < found["compression_error"] < 0.1 and 0 < found["pressure_error"] < 10


def test_a_curve_that_the_runs_do_not_reach_is_no_number():
    rows = curves.table([Run(1e4, rs, 0.1, 3.0) for rs in (1.9, 2.0)])
    (found,) = curves.hugoniot(rows).to_dict("records")
    assert all(math.isnan(found[k]) for k in ("compression", "pressure", "compression_error"))


def test_figures_have_their_points():
    rows = curves.table([Run(k, rs, 0.1 * k / 1e4) for k in (1e4, 2e4) for rs in (1.8, 2.0, 2.2)])
    left, right = curves.isotherm_figure(rows).axes
    assert len(left.containers) == 4 and len(right.containers) == 2
    both = curves.table([Run(2e4, 1.9, 0.1, twist=twist) for twist in (0.0, (0.5, 0, 0))])
    (axes,) = curves.hugoniot_figure(curves.hugoniot(both)).axes
    told = {"PRB 110, L041107, N = 128", "N = 4, M = 1836", "N = 4, M = 1836, twist 0.5, 0, 0"}
    assert {t.get_text() for t in axes.get_legend().get_texts()} == told
