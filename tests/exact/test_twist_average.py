"""Averages over twists against other quadratures, and the way from a box to infinite volume."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from vfe_lightning.declarations import MonkhorstPack, TwistAverage
from vfe_lightning.exact.basis_size import ENOUGH, plane_wave_cutoff, plane_wave_loss
from vfe_lightning.exact.box_gas import box_gas, canonical_correction, infinite_gas, of_a_spin
from vfe_lightning.exact.diagonalization import diagonalize, thermodynamics
from vfe_lightning.exact.hartree_fock import hartree_fock
from vfe_lightning.exact.relative_spectrum import relative_spectrum
from vfe_lightning.exact.single_electron import single_electron
from vfe_lightning.exact.twist_average import averaged, irreducible
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy

AVERAGE = TwistAverage()


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("points", [1, 2, 3, 4])
def test_a_grid_is_that_of_monkhorst_and_pack_and_symmetry_takes_nothing_away(dim, points):
    """u_r = (2 r - q - 1) / 2 q, r = 1 ... q: all products of them, by a function with cubic symmetry."""
    grid = MonkhorstPack(points=points)
    assert grid.axis == pytest.approx([(2 * r - points - 1) / (2 * points) for r in range(1, points + 1)])

    def function(twist):
        a = np.cos(2 * np.pi * np.asarray(twist))
        return [a.sum() ** 3 + a.prod(), 1.0]

    everything = np.mean([function(t) for t in itertools.product(grid.axis, repeat=dim)], axis=0)
    assert averaged(function, grid, dim).value == pytest.approx(everything, abs=1e-14)
    assert sum(weight for _, weight in irreducible(grid, dim)) == pytest.approx(1, abs=1e-14)


def test_the_average_of_a_known_function_and_its_bound():
    """<1 / (a - cos)> = 1 / sqrt(a^2 - 1) along an axis, of a kink the bound is an honest one."""
    smooth = averaged(lambda t: [math.prod(1 / (2 - math.cos(2 * math.pi * x)) for x in t)], AVERAGE, 2)
    assert float(smooth.value[0]) == pytest.approx(1 / 3, rel=1e-12)
    kink = averaged(lambda t: [max(t)], AVERAGE, 2)
    assert 0 < abs(kink.value[0] - 1 / 3) <= kink.error[0] < 1e-2


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("theta", [0.02, 0.5, 10.0])
def test_one_electron_by_another_quadrature(dim, theta):
    rs, length = 2.0, box_length(1, dim)
    found = single_electron(dim, rs, theta, AVERAGE)
    beta, unit = 1 / (theta * fermi_energy(dim)), (2 * math.pi / length) ** 2
    j = np.arange(-200, 201)

    def free_energy(t: float) -> float:
        e = unit * (j + t) ** 2
        return e.min() - math.log(np.exp(-beta * (e - e.min())).sum()) / beta

    along = 2 * quad(free_energy, 0, 0.5, epsabs=1e-13, limit=400)[0]
    constant = single_electron(dim, rs, theta, 0.0).free_energy - dim * free_energy(0.0)
    assert abs(found.free_energy - dim * along - constant) <= found.free_energy_error + 1e-11
    assert found.energy - found.entropy / beta == pytest.approx(found.free_energy, abs=1e-9)


@pytest.mark.parametrize(("n_up", "dim", "n_down"), [(2, 2, 0), (3, 2, 0), (2, 3, 0), (1, 2, 1)])
def test_interacting_electrons_by_another_quadrature(n_up, dim, n_down):
    """Gauss and Legendre over the whole cell, symmetry or none."""
    spectrum = relative_spectrum(n_up, dim, 1.0, 8.0, n_down)
    found = thermodynamics(spectrum, 2.0, AVERAGE)
    x, w = np.polynomial.legendre.leggauss(8 if dim == 2 else 5)
    twists = itertools.product(x / 2, repeat=dim)
    weights = [math.prod(ws) / 2**dim for ws in itertools.product(w, repeat=dim)]
    each = [thermodynamics(spectrum, 2.0, twist) for twist in twists]
    for name in ("free_energy", "energy", "entropy", "bound"):
        mean = np.dot(weights, [getattr(e, name) for e in each])
        assert getattr(found, name) == pytest.approx(mean, rel=1e-6), name
    grid = thermodynamics(spectrum, 2.0, MonkhorstPack(points=8))
    assert grid.free_energy == pytest.approx(found.free_energy, rel=1e-6)
    assert abs(each[0].free_energy - found.free_energy) > 1e-5 * abs(found.free_energy)


def test_the_mean_value_point_is_closer_than_the_centre():
    exact = diagonalize(2, 2, 1.0, 0.5, AVERAGE, 16.0).free_energy
    point, centre = (diagonalize(2, 2, 1.0, 0.5, (t, t), 16.0).free_energy for t in (0.25, 0.0))
    assert abs(point - exact) < 0.1 * abs(centre - exact)


@pytest.mark.parametrize("theta", [0.0, 0.3])
@pytest.mark.parametrize(("n_up", "dim", "n_down"), [(5, 2, 0), (3, 2, 2), (2, 3, 0)])
def test_hartree_fock_by_random_twists(n_up, dim, n_down, theta):
    cutoff = plane_wave_cutoff(n_up, dim, theta, AVERAGE, n_down)
    found = hartree_fock(n_up, dim, 2.0, theta, AVERAGE, cutoff, n_down)
    g = torch.Generator().manual_seed(0)
    drawn = torch.rand(30, dim, generator=g, dtype=torch.float64) - 0.5
    each = [hartree_fock(n_up, dim, 2.0, theta, tuple(t), cutoff, n_down).free_energy for t in drawn.tolist()]
    # F is a bounded function of the twist: 30 draws of it are normal enough for seven errors
    assert abs(found.free_energy - np.mean(each)) < 7 * np.std(each) / 30**0.5 + found.free_energy_error
    assert found.free_energy_error < (1e-5 if theta else 4e-3) * abs(found.kinetic)


@pytest.mark.parametrize("n_down", [0, 2])
@pytest.mark.parametrize(("dim", "theta"), [(2, 0.1), (2, 1.0), (3, 0.3)])
def test_the_orbitals_are_enough_at_any_twist(dim, theta, n_down):
    cutoff = plane_wave_cutoff(3, dim, theta, AVERAGE, n_down)
    g = torch.Generator().manual_seed(1)
    twists = (torch.rand(3, dim, generator=g, dtype=torch.float64) - 0.5).tolist()
    at_most = plane_wave_loss(3, dim, theta, AVERAGE, cutoff, n_down)
    assert at_most.enough
    for twist in twists:
        lost = plane_wave_loss(3, dim, theta, tuple(twist), cutoff, n_down)
        assert lost.free_energy <= at_most.free_energy + 0.1 * ENOUGH * lost.scale and lost.enough
    assert not plane_wave_loss(3, dim, theta, AVERAGE, cutoff - 1, n_down).enough


@pytest.mark.parametrize(("n", "dim", "n_down"), [(13, 2, 0), (7, 3, 0), (5, 2, 4)])
def test_the_orbitals_hold_the_fermi_sea_of_any_twist(n, dim, n_down):
    cutoff = plane_wave_cutoff(n, dim, 0.0, AVERAGE, n_down)
    g = torch.Generator().manual_seed(2)
    for twist in (torch.rand(20, dim, generator=g, dtype=torch.float64) - 0.5).tolist():
        assert plane_wave_loss(n, dim, 0.0, tuple(twist), cutoff, n_down).free_energy < 1e-12


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("theta", [0.05, 0.5, 5.0])
@pytest.mark.parametrize(("n_up", "n_down"), [(1, 0), (3, 2)])
def test_the_infinite_gas_by_momenta(dim, theta, n_up, n_down):
    """N, E and S of Fermi functions, integrated over k; the volume is that of N unit balls."""
    n = n_up + n_down
    found, t = infinite_gas(n_up, dim, theta, n_down), theta * fermi_energy(dim, n_up / n)
    volume = box_length(n, dim) ** dim / (2 * math.pi) ** dim * {2: 2 * math.pi, 3: 4 * math.pi}[dim]
    energy = entropy = 0.0
    for m in (n_up, n_down)[: 1 + bool(n_down)]:
        mu = of_a_spin(m, n, dim, t).chemical_potential
        x = np.linspace(0, math.sqrt(max(mu, 0) + 60 * t), 40001)
        f = 1 / (1 + np.exp((x**2 - mu) / t))
        measure = volume * x ** (dim - 1)
        assert np.trapezoid(measure * f, x) == pytest.approx(m, rel=1e-6)
        energy += np.trapezoid(measure * f * x**2, x)
        mixing = -f * np.log(f) - (1 - f) * np.log1p(-np.minimum(f, 1 - 1e-16))
        entropy += np.trapezoid(measure * mixing, x)
    assert found.energy == pytest.approx(energy, rel=1e-6)
    assert found.entropy == pytest.approx(entropy, rel=1e-5)
    assert found.free_energy == pytest.approx(found.energy - t * found.entropy, rel=1e-12)


@pytest.mark.parametrize("both", [False, True], ids=["polarised", "both spins"])
@pytest.mark.parametrize("dim", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_the_average_over_twists_tends_to_infinite_volume_as_derived(dim, both):
    """F and K per electron: the canonical difference is known to first order in 1/N, the rest is 1/N^2."""
    sizes, theta = (4, 8, 16), 1.0
    left: dict[str, list[float]] = {"free_energy": [], "energy": []}
    whole: dict[str, list[float]] = {"free_energy": [], "energy": []}
    for n_up in sizes:
        n_down = n_up if both else 0
        cutoff = (
            plane_wave_cutoff(n_up, dim, theta, 0.25, n_down) + 6
        )  # which costs less than what is measured
        box = box_gas(n_up, dim, theta, AVERAGE, cutoff, n_down)
        infinite = infinite_gas(n_up, dim, theta, n_down)
        known = canonical_correction(n_up, dim, theta, n_down)
        for name in left:
            away = getattr(box, name) - getattr(infinite, name)
            whole[name].append(abs(away) / (n_up + n_down))
            left[name].append(abs(away - getattr(known, name)) / (n_up + n_down))
    octaves = math.log(sizes[-1] / sizes[0])
    for name in left:
        power = -math.log(left[name][-1] / left[name][0]) / octaves
        first = -math.log(whole[name][-1] / whole[name][0]) / octaves
        assert 1.9 < power < 2.1 and 0.6 < first < 1.1  # of F also ln N / N
        assert left[name][-1] < 0.02 * whole[name][-1]
