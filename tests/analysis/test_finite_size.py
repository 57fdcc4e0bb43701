"""From boxes to the infinite gas: sums and integrals, exchange, plasmons, the fit, and a table of runs."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from vfe_lightning.analysis.exchange_correlation import POLARISED
from vfe_lightning.analysis.finite_size import Box, extrapolated, integral_less_sum, missing_potential
from vfe_lightning.analysis.finite_size_scan import box, fits, isotherms, table
from vfe_lightning.exact.hartree_fock import hartree_fock
from vfe_lightning.hamiltonians.ewald import Ewald
from vfe_lightning.mean_field.random_phase import plasmon
from vfe_lightning.result import Result


@pytest.mark.parametrize("dim", [2, 3])
def test_sums_and_integrals_of_a_gaussian(dim):
    """Poisson: what they differ by is the term G = 0, and next to nothing else."""
    assert integral_less_sum(lambda g: np.exp(-(g**2) / 3), dim) == pytest.approx(1, abs=1e-9)


def test_the_singular_part_is_the_madelung_constant():
    """Ewald's sum with the kernel exp(-(pi G / kappa)^2) / (pi G^2), of which the images are negligible."""
    kappa = 6.0
    found = integral_less_sum(lambda g: np.exp(-((math.pi * g / kappa) ** 2)) / (math.pi * g**2), 3)
    assert found == pytest.approx(-math.pi / kappa**2 - Ewald(3).madelung, abs=1e-8)


def test_plasmons_of_long_waves_lack_a_quarter_of_their_energy():
    """omega_p / 4 N, in the ground state: Chiesa et al., eq. (5), of a Gaussian S(k)."""
    rs, n = 4.0, 20
    omega = float(plasmon(np.array([1.0]), 3, rs)[0])
    found = missing_potential(lambda k: -np.expm1(-(k**2) / omega), n, 3, rs)
    assert found == pytest.approx(omega / (4 * n), rel=1e-7)


def test_a_large_cold_box_lacks_half_of_it_in_all():
    """F lacks the energy of the zero-point motion of one plasmon, omega_p / 2, half of it kinetic."""
    cold, rs = Box(500, 500, 3, 0.03, ((0.0,) * 3,)), 3.0
    omega = float(plasmon(np.array([1.0]), 3, rs)[0])
    assert 1000 * cold.missing_potential(rs) == pytest.approx(omega / 4, rel=0.02)
    assert 1000 * cold.missing_free_energy(rs) == pytest.approx(omega / 2, rel=0.05)


@pytest.mark.parametrize(
    ("dim", "theta", "cutoff", "sizes"), [(2, 0.6, 50, (7, 13, 21)), (3, 0.8, 40, (7, 14, 19))]
)
def test_hartree_fock_in_boxes_comes_to_that_of_the_infinite_gas(dim, theta, cutoff, sizes):
    """Without correlation S(k) is that of the ideal gas, and the exact F of each box is known."""
    v, f = [], []
    for n in sizes:
        known, gas = hartree_fock(n, dim, 1.0, theta, 0.0, cutoff), Box(n, 0, dim, theta, ((0.0,) * dim,))
        lacking = missing_potential(gas.infinite.structure_factor, n, dim, 1.0)
        v.append(known.potential / n + lacking)
        f.append(known.free_energy / n + lacking + gas.infinite.free_energy - gas.ideal[0])
        left = gas.left_by_first_order(1.0, known.free_energy / n)
        assert v[-1] + left == pytest.approx(gas.infinite.exchange, abs=1e-4)
    infinite = gas.infinite
    for y, exact in ((v, infinite.exchange), (f, infinite.free_energy + infinite.exchange)):
        limit = extrapolated(np.array(sizes, dtype=float), np.array(y), np.full(3, 1e-4))
        assert abs(limit.value - exact) < 3 * limit.error
        assert limit.error < abs(y[-1] - exact)


@pytest.mark.parametrize(
    ("rs", "raw", "error"), [(1.0, -0.644385, 345e-6), (4.0, -0.196125, 24e-5), (10.0, -0.095994, 9e-5)]
)
def test_published_path_integrals_in_a_box_come_to_the_published_fit(rs, raw, error):
    """V of 33 hot electrons, theta = 8, Brown et al., PRL 110, 146405 (2013), as they were in the box.

    They are away from 2 f_xc + r_s df_xc / dr_s by up to two thirds of it, nine tenths of which is the box.
    """
    hot, fit = Box(33, 0, 3, 8.0, ((0.0,) * 3,)), POLARISED.free_energy
    exact = 2 * fit(rs, 8.0) + (fit(rs * 1.0001, 8.0) - fit(rs * 0.9999, 8.0)) / 2e-4
    away = raw + hot.missing_potential(rs) / rs**2 - exact
    assert abs(away) < 0.1 * abs(raw - exact) + 3 * error


@pytest.mark.parametrize("dim", [2, 3])
def test_twists_take_the_shells_out_of_the_ideal_gas(dim):
    """F of a cold box, averaged over twists, is nearer to that without a box than the worst of them."""
    twists = tuple(itertools.product((0.125, 0.375), repeat=dim))
    averaged = Box(9, 0, dim, 0.1, twists)
    apart = [abs(Box(9, 0, dim, 0.1, (t,)).ideal[0] - averaged.infinite.free_energy) for t in twists]
    assert abs(averaged.ideal[0] - averaged.infinite.free_energy) < max(apart)
    assert averaged.ideal[0] == pytest.approx(np.mean([Box(9, 0, dim, 0.1, (t,)).ideal[0] for t in twists]))


def test_declared_twists():
    gas = {"n": 4, "dim": 2, "theta": 0.5}
    assert box(gas | {"twist": 0.25}).twists == ((0.25, 0.25),)
    assert box(gas | {"twist": [0.1, 0.2]}).twists == ((0.1, 0.2),)
    drawn = np.array(box(gas | {"twist": "average"}).twists)
    assert len(drawn) == 16 and drawn.mean() == pytest.approx(0.25)


def test_the_fit_is_exact_for_what_is_linear():
    n = np.array([7.0, 14, 33])
    found = extrapolated(n, -1 + 0.3 / n, np.array([0.02, 0.01, 0.01]))
    assert (found.value, found.slope) == pytest.approx((-1, 0.3), abs=1e-12)
    two = extrapolated(n[1:], -1 + 0.3 / n[1:], np.array([0.01, 0.02]))
    assert two.error == pytest.approx(math.hypot(14 * 0.01, 33 * 0.02) / 19)
    one = extrapolated(n[:1], np.array([2.0]), np.array([0.1]))
    assert (one.value, one.error, one.slope) == pytest.approx((2, 0.1, 0))


def test_what_has_no_errors_and_what_is_not_known():
    n = np.array([7.0, 14, 33, 57])
    exact = extrapolated(n, -1 + 0.3 / n, np.zeros(4))
    assert (exact.value, exact.error) == pytest.approx((-1, 0), abs=1e-12)
    assert extrapolated(n, -1 + 0.3 / n + 0.01 * (-1) ** n, np.zeros(4)).error > 1e-3
    assert math.isnan(extrapolated(n, np.full(4, math.nan), np.full(4, 0.1)).value)


def test_a_scatter_beyond_the_errors_makes_them_larger():
    n, small = np.array([7.0, 14, 20, 33]), np.full(4, 1e-3)
    bent = -1 + 0.3 / n + 0.02 * (-1) ** np.arange(4)
    assert extrapolated(n, bent, small).error > 5 * extrapolated(n, -1 + 0.3 / n, small).error


def made(n: int, rs: float, theta: float, s: float, f_xc: float, v: float, shell: float = 0.0) -> Result:
    """What a run would find in a box of a gas with these values in the infinite one, but for a term 1 / N.

    Args:
        shell: what Hartree-Fock in the box is away from its formula, and all else with it.
    """
    d = {"n": n, "dim": 3, "rs": rs, "theta": theta, "twist": 0.0}
    gas, unit = box(d), 1 / rs**2
    f = f_xc + 0.1 / n + unit * (gas.ideal[0] - gas.missing_free_energy(rs)) + shell
    entropy = (s + 0.2 / n) * gas.ideal[1] / gas.infinite.entropy
    energy = f + unit * gas.infinite.temperature * entropy
    potential = v + 0.05 / n - unit * gas.missing_potential(rs) + shell
    first = rs * gas.infinite.exchange - missing_potential(gas.infinite.structure_factor, n, 3, rs)
    parts = {"potential": potential, "kinetic": energy - potential}
    return Result(
        "FINISHED", None, "gas", d, 1.0, size=n, free_energy=f, free_energy_error=1e-3, energy=energy,
        energy_error=2e-3, entropy=entropy, entropy_error=1e-2,
        landmarks={"Hartree-Fock": unit * (gas.ideal[0] + first) + shell},
        observables={k: {"value": x, "error": 1e-3, "units": "", "per": ""} for k, x in parts.items()},
    )  # fmt: skip


def test_a_table_of_runs_ends_in_the_limits():
    runs = [made(n, rs, 0.5, 1.7, -1.1 / rs, -1.3 / rs) for rs in (1.0, 4.0) for n in (14, 7)]
    rows = table(runs)
    assert rows["n"].tolist() == 2 * [7, 14, math.inf]
    limits = rows.loc[np.isinf(rows["n"]), :]
    np.testing.assert_allclose(limits["f_xc"], -1.1 / limits["rs"], atol=1e-12)
    np.testing.assert_allclose(limits["potential"], -1.3 / limits["rs"], atol=1e-12)
    np.testing.assert_allclose(limits["entropy"], 1.7, atol=1e-12)
    np.testing.assert_allclose(limits["f_xc_slope"], 0.1, atol=1e-12)
    ideal = box(runs[0].declaration).infinite
    f = limits["f_xc"] + ideal.free_energy / limits["rs"] ** 2
    np.testing.assert_allclose(limits["free_energy"], f, atol=1e-12)
    t = ideal.temperature / limits["rs"] ** 2
    np.testing.assert_allclose(limits["energy"], f + t * 1.7, atol=1e-12)
    np.testing.assert_allclose(limits["kinetic"], limits["energy"] - limits["potential"], atol=1e-12)
    assert limits["published_f_xc"].to_list()[0] == pytest.approx(POLARISED.free_energy(1.0, 0.5))
    assert min(limits["f_xc_error"]) > 1e-3


def test_shells_that_hartree_fock_knows_are_taken_out():
    smooth, shells = ([made(n, 2.0, 0.5, 1.7, -0.6, -0.7, x) for n in (7, 14, 19)] for x in (0.0, 0.05))
    columns = ["f_xc", "free_energy", "energy", "potential", "kinetic", "entropy"]
    np.testing.assert_allclose(table(shells)[columns], table(smooth)[columns], atol=1e-12)


@pytest.mark.usefixtures("painted")
def test_figures_of_the_fit_and_of_the_isotherms():
    rows = table([made(n, rs, 0.5, 1.7, -1.1 / rs, -1.3 / rs) for rs in (1.0, 4.0) for n in (7, 14)])
    drawn = fits(rows)
    assert [len(axes.containers) for axes in drawn.axes] == [4, 4, 4, 4]
    [axes] = isotherms(rows).axes
    points = np.array(axes.get_lines()[0].get_ydata(), dtype=float)
    np.testing.assert_allclose(points, [-1.1, -1.1], atol=1e-12)
    assert isinstance(rows, pd.DataFrame) and len(axes.collections) > 1
