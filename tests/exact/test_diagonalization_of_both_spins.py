"""Exact diagonalisation of one electron of each spin, and of two and one."""

import itertools
import math

import numpy as np
import pytest
from scipy.linalg import eigvalsh

from vfe_lightning.exact import relative_motion
from vfe_lightning.exact.diagonalization import diagonalize, thermodynamics
from vfe_lightning.exact.hartree_fock import hartree_fock
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.exact.relative_spectrum import relative_spectrum
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy, plane_waves

SYSTEMS = [(1, 2), (1, 3), (2, 2), (2, 3)]  # of spin up, beside one of spin down; dimension
CHEAP = {(1, 2): 100.0, (1, 3): 30.0, (2, 2): 20.0, (2, 3): 10.0}


def potential(q: np.ndarray) -> float:
    q2 = float(q @ q)
    return 0.0 if q2 == 0 else (1 / math.sqrt(q2) if len(q) == 2 else 1 / (math.pi * q2))


def element(bra: np.ndarray, ket: np.ndarray, n_up: int) -> float:
    """<bra|sum_{i<j} w|ket> by summing over the permutations of the electrons of spin up."""
    n, total = len(ket), 0.0
    for order in itertools.permutations(range(n_up)):
        moved = [*order, *range(n_up, n)]
        sign = np.linalg.det(np.eye(n)[moved])
        for i, j in itertools.combinations(range(n), 2):
            if all((bra[moved[s]] == ket[s]).all() for s in range(n) if s not in (i, j)):
                total += sign * potential(bra[moved[i]] - ket[i])
    return total


@pytest.mark.parametrize(
    ("total", "n_up", "cutoff"), [((0, 1), 1, 20), ((0, 0, 1), 1, 8), ((0, 1), 2, 6), ((0, 1, 1), 2, 4)]
)
def test_matrix_elements_against_first_quantisation(total, n_up, cutoff):
    n, g = n_up + 1, 0.7
    sets = relative_motion.determinants(n, total, cutoff, 1)
    assert len(sets) >= 18
    expected = np.diag((sets**2).sum((1, 2)) - np.dot(total, total) / n)
    for a, b in itertools.product(range(len(sets)), repeat=2):
        expected[a, b] += g * element(sets[a], sets[b], n_up)
    np.testing.assert_allclose(relative_motion.hamiltonian(sets, g, 1), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(relative_motion.diagonal(sets, g, 1), np.diag(expected), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n_up", "dim"), SYSTEMS)
def test_all_levels_of_equal_spins_are_among_those_of_both(n_up, dim):
    """A multiplet has the same energy whichever way its spin points; and symmetry sectors lose no level."""
    n, cutoff = n_up + 1, CHEAP[n_up, dim] / 2
    for total in itertools.combinations_with_replacement(range(n // 2 + 1), dim):
        sets = relative_motion.determinants(n, total, cutoff, 1)
        both = eigvalsh(relative_motion.hamiltonian(sets, 1.3, 1))
        np.testing.assert_allclose(
            relative_motion.relative_levels(n, total, 1.3, cutoff, 1), both, rtol=0, atol=1e-11
        )
        left = both.tolist()
        for level in relative_motion.relative_levels(n, total, 1.3, cutoff):
            nearest = min(left, key=lambda e: abs(e - level))
            assert nearest == pytest.approx(level, abs=1e-10)
            left.remove(nearest)
        assert left and min(left) < level


@pytest.mark.parametrize(("n_up", "dim"), SYSTEMS)
@pytest.mark.parametrize("theta", [0.1, 0.6])
def test_free_electrons_are_two_ideal_gases(n_up, dim, theta):
    n, twist = n_up + 1, (0.2, -0.35, 0.1)[:dim]
    energies = ((2 * math.pi / box_length(n, dim) * plane_waves(dim, 36, twist)) ** 2).sum(1)
    beta = 1 / (theta * fermi_energy(dim, n_up / n))
    gases = [ideal_gas(energies, m, beta) for m in (n_up, 1)]
    found = diagonalize(n_up, dim, 0.0, theta, twist, cutoff=8, n_down=1)
    for name in ("free_energy", "energy", "entropy"):
        assert getattr(found, name) == pytest.approx(sum(getattr(gas, name) for gas in gases), abs=1e-9)


@pytest.mark.parametrize(("n_up", "dim"), SYSTEMS)
def test_the_slope_in_rs_is_hartree_fock(n_up, dim):
    """At first order in r_s, at second order below it."""
    theta, twist, h = 0.2, 0.25, 1e-4
    free = [diagonalize(n_up, dim, x, theta, (twist,) * dim, 10.0, 1).free_energy for x in (0, h, 2 * h)]
    first = [hartree_fock(n_up, dim, x, theta, twist, 25, 1).free_energy for x in (0.0, 1.0)]
    second_order = free[2] - 2 * free[1] + free[0]
    assert second_order < 0
    assert (free[1] - free[0] - second_order / 2) / h == pytest.approx(first[1] - first[0], abs=1e-6)


LONGEST = pytest.param(*SYSTEMS[-1], marks=pytest.mark.slow)


@pytest.mark.parametrize(("n_up", "dim"), [*SYSTEMS[:-1], LONGEST])
@pytest.mark.parametrize("rs", [1.0, 10.0])
def test_error_estimate_covers_the_cutoff(n_up, dim, rs):
    cheap, fine = (relative_spectrum(n_up, dim, rs, x * CHEAP[n_up, dim], 1) for x in (1, 2))
    for theta in (0.15, 0.5):
        a, b = (thermodynamics(s, theta, (0.25,) * dim) for s in (cheap, fine))
        assert b.free_energy < b.bound < a.bound
        for name in ("free_energy", "energy", "entropy"):
            error = math.hypot(getattr(a, f"{name}_error"), getattr(b, f"{name}_error"))
            assert abs(getattr(a, name) - getattr(b, name)) < error


def test_energy_and_entropy_are_derivatives():
    spectrum, twist, theta, h = relative_spectrum(2, 2, 5.0, 10.0, 1), (0.25, 0.25), 0.3, 1e-4
    low, mid, high = (thermodynamics(spectrum, t, twist) for t in (theta - h, theta, theta + h))
    unit = fermi_energy(2, 2 / 3)
    slope = (high.free_energy - low.free_energy) / (2 * h * unit)
    assert mid.entropy == pytest.approx(-slope, rel=1e-6)
    assert mid.energy == pytest.approx(mid.free_energy + theta * unit * mid.entropy, rel=1e-12)
