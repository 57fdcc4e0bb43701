"""The dual of the XY model against sums over angles, high precision, and its limits."""

import math

import mpmath
import pytest
import torch
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ive

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact import xy_torus
from vfe_lightning.exact.elimination import Bond, eliminated
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.xy import XY, helicity_modulus
from vfe_lightning.result import Reference


def clock(L: int, states: int, beta: float) -> Reference:
    """Angles on a grid, whose currents are conserved at a site up to multiples of the states only."""
    angle = 2 * math.pi * torch.arange(states, dtype=torch.float64) / states
    table, none = (angle[:, None] - angle).cos(), torch.zeros(states, dtype=torch.float64)
    bonds = [
        Bond(min(pair), max(pair), table[:1] if min(pair) == 0 else table)
        for pair in lattices.bonds(L, lattices.SQUARE).tolist()
    ]
    return eliminated([none[:1], *[none] * (L * L - 1)], bonds, beta, copies=states)


@pytest.mark.parametrize(("beta", "states"), [(0.1, 16), (0.5, 20), (1.12, 24), (4.0, 48)])
def test_two_rows_are_an_integral_over_angles(beta, states):
    found, grids = xy_torus.square(2, beta), [clock(2, n, beta) for n in (states, states + 5)]
    measure = 4 * math.log(2 * math.pi / states) / beta
    finer = 4 * math.log(2 * math.pi / (states + 5)) / beta
    assert grids[0].free_energy - measure == pytest.approx(grids[1].free_energy - finer, abs=1e-11)
    bounds = grids[0].free_energy_error + found.free_energy_error
    assert abs(found.free_energy - grids[0].free_energy + measure) <= bounds + 1e-12
    assert found.energy == pytest.approx(grids[0].energy, abs=1e-10)


def test_three_rows_on_two_grids():
    """Which converge to the dual, and from below."""
    found = xy_torus.square(3, 1.0)
    away = [
        clock(3, n, 1.0).free_energy - 9 * math.log(2 * math.pi / n) - found.free_energy for n in (8, 9, 10)
    ]
    assert away == sorted(away) and away[0] < 0 and abs(away[2]) < 2e-6


@settings(max_examples=examples(10), deadline=None)
@given(L=st.sampled_from([2, 3]), beta=st.floats(-6, 0.3).map(lambda x: 10**x), J=st.floats(0.1, 3.0))
def test_slopes_over_decades(L, beta, J):
    """E is the derivative of beta F, F does not know the units, and S is at most that of free spins."""
    found, step = xy_torus.square(L, beta, J), 1e-4 * beta
    ends = [(b, xy_torus.square(L, b, J)) for b in (beta - step, beta + step)]
    slope = (ends[1][0] * ends[1][1].free_energy - ends[0][0] * ends[0][1].free_energy) / (2 * step)
    bound = sum(b * r.free_energy_error for b, r in ends) / (2 * step) + 1e-6 * abs(found.energy)
    assert abs(found.energy - slope) <= bound + found.energy_error
    scaled = xy_torus.square(L, beta * J, 1.0)
    assert abs(found.free_energy - J * scaled.free_energy) <= 2 * found.free_energy_error
    assert found.entropy <= L * L * math.log(2 * math.pi) + found.entropy_error


@pytest.mark.parametrize("K", [0.3, 1.0, 3.0])
def test_a_ring_of_four_in_fifty_digits(K):
    """L = 2 with every pair of bonds taken as one of twice the strength: Z / (2 pi)^4 = sum_n I_n(2 K)^4."""
    with mpmath.workdps(50):
        two = 2 * mpmath.mpf(K)
        z = sum((1 if n == 0 else 2) * mpmath.besseli(n, two) ** 4 for n in range(40))
        exact = -(mpmath.log(z) + 4 * mpmath.log(2 * mpmath.pi)) / K
    found = xy_torus.square(2, K)
    assert abs(found.free_energy - exact) <= found.free_energy_error


def test_what_is_left_out_is_below_its_bound():
    """Smaller cutoffs against a large one."""
    L, K = 2, 1.5
    full = sum(xy_torus._sum_and_slope(L, K, 14, W)[0] for W in range(-28, 29))
    slope = sum(xy_torus._sum_and_slope(L, K, 14, W)[1] for W in range(-28, 29)) / full
    for N in (3, 4, 5, 6):
        sums = [xy_torus._sum_and_slope(L, K, N, W) for W in range(-2 * N, 2 * N + 1)]
        z = sum(s[0] for s in sums)
        share, of_slope = xy_torus._left_out(L, K, N + 1)
        assert 0 < 1 - z / full <= share
        assert abs(sum(s[1] for s in sums) / z - slope) <= of_slope + 2 * slope * share


def test_windings_that_are_left_out_are_few():
    L, K, N = 2, 0.6, 9
    sums = [xy_torus._sum_and_slope(L, K, N, W)[0] for W in range(L * N + 1)]
    kept = xy_torus._windings(L, K, N)
    assert kept < L * N and 2 * sum(sums[kept + 1 :]) < xy_torus.ENOUGH * sum(sums)


def test_bessel_functions_are_as_exact_as_is_said():
    for K in (1e-6, 0.1, 1.0, 7.0, 60.0):
        for n in range(0, 30, 3):
            with mpmath.workdps(40):
                exact = mpmath.besseli(n, mpmath.mpf(K)) * mpmath.exp(-mpmath.mpf(K))
                assert abs(float(ive(n, K)) / exact - 1) < xy_torus.BESSEL or exact < 1e-290


def test_hot_and_cold():
    """Single bonds and the loops around the torus, and L^2 - 1 harmonic modes around aligned spins."""
    K = 0.01
    found = xy_torus.square(3, K)
    assert found.energy == pytest.approx(-18 * K / 2 - 36 * K**2 / 8, rel=1e-4)
    beta = 8.0
    k = 2 * math.pi * torch.arange(3, dtype=torch.float64) / 3
    stiffness = (4 - 2 * k.cos()[:, None] - 2 * k.cos()).flatten()[1:]
    # the mode of all angles has the length 2 pi sqrt(9)
    waves = -18 - (math.log(2 * math.pi * 3) + 0.5 * (2 * math.pi / (beta * stiffness)).log().sum()) / beta
    found = xy_torus.square(3, beta)
    assert found.free_energy == pytest.approx(waves.item(), rel=3e-3)
    assert found.energy == pytest.approx(-18 + 4 / beta, rel=3e-3)


def test_stiffness_is_that_of_the_angles():
    """<W^2> against the estimator of configurations, summed over a grid of angles."""
    beta, states = 0.9, 20
    angle = 2 * math.pi * torch.arange(states, dtype=torch.float64) / states
    x = torch.cat([torch.zeros(states**3, 1), torch.cartesian_prod(angle, angle, angle)], dim=1)
    p = (-beta * XY(2, 1.0).energy(x)).softmax(dim=0)
    measured = (p * helicity_modulus(x, 2, 1.0, beta)).sum().item()
    assert xy_torus.helicity_modulus(2, beta) == pytest.approx(measured, abs=1e-10)


@pytest.mark.parametrize(("L", "K"), [(8, 1.0), (4, 5.0), (3, 100.0)])
def test_what_is_too_large_or_too_cold_is_refused(L, K):
    with pytest.raises(NotKnown, match="XY model"):
        xy_torus.square(L, K)
