"""Classical particles and wells against published values and other ways to compute them."""

import math

import pytest
import torch

from vfe_lightning.exact import coulomb_gas, planar
from vfe_lightning.hamiltonians.planar_wells import DoubleWell, MuellerBrown


def right(x):
    return x[:, 0] > 0


@pytest.mark.parametrize(
    ("parameters", "log_z", "difference"),
    [
        ((1.0, -3.0, 0.25), 12.0649290, 4.777274),
        ((1.0, -6.0, 1.0), 11.0204672, 3.3799011),
        ((0.0, -4.0, 1.0), 5.2119403, 0.0),
    ],
)
def test_double_wells(parameters, log_z, difference):
    found = planar.on_a_grid(DoubleWell(*parameters).energy, 1.0, (-6, 6), (-9, 9), right, points=400)
    assert found.log_z == pytest.approx(log_z, abs=1e-6)
    assert found.difference == pytest.approx(difference, abs=1e-5)
    reference = found.reference
    assert reference.free_energy == -found.log_z
    assert reference.entropy == pytest.approx(found.energy + found.log_z)


def test_mueller_brown():
    found = planar.on_a_grid(
        MuellerBrown().energy, 1.0, (-2.5, 2), (-1, 3), lambda x: x[:, 1] < 0.75, points=800
    )
    assert found.log_z == pytest.approx(-3.3895605417, abs=1e-8)
    assert found.difference == pytest.approx(5.69014, abs=1e-5)
    assert found.energy == pytest.approx(1.0599229, abs=1e-6)


def test_dimer_without_solvent():
    found = planar.gas_dimer(1.0, points=1200)
    assert found.log_z == pytest.approx(11.6368991, abs=1e-5)
    assert found.difference == pytest.approx(-1.0773887, abs=1e-4)


@pytest.mark.parametrize(
    ("dim", "beta", "free_energy", "energy"),
    [
        (2, 1.0, -1.3730284766, 3.1692849085),
        (2, 10.0, 1.5767893599, 1.6526044701),
        (3, 1.0, -2.7282277823, None),
        (3, 10.0, 1.5937341533, 1.7085474955),
    ],
)
def test_two_charges_in_a_trap(dim, beta, free_energy, energy):
    found = coulomb_gas.pair(lambda r: 1 / r, dim, 2.0, beta)
    assert found.free_energy == pytest.approx(free_energy, abs=1e-9)
    assert energy is None or found.energy == pytest.approx(energy, abs=1e-9)
    h = 1e-5  # E is the derivative of ln Z
    around = [coulomb_gas.pair(lambda r: 1 / r, dim, 2.0, beta + s) for s in (h, -h)]
    log_z = [-r.free_energy * b for r, b in zip(around, (beta + h, beta - h), strict=True)]
    assert found.energy == pytest.approx((log_z[1] - log_z[0]) / (2 * h), rel=1e-6)


@pytest.mark.parametrize(("n", "log_z"), [(2, 2.98260695), (6, 23.89808275), (20, 382.34036364)])
def test_ginibre(n, log_z):
    assert -coulomb_gas.ginibre(n).free_energy == pytest.approx(log_z, abs=1e-8)


@pytest.mark.parametrize(
    ("n", "coupling", "log_z"),
    [(6, 1, 10.0881055), (6, 2, 22.5433346), (6, 4, 57.5014303), (10, 2, 73.2550931)],
)
def test_mehta(n, coupling, log_z):
    assert -coulomb_gas.mehta(n, coupling).free_energy == pytest.approx(log_z, abs=1e-7)


@pytest.mark.parametrize("coupling", [0.5, 2.0, 8.0])
def test_two_particles_of_the_log_gas_in_three_ways(coupling):
    plane = coulomb_gas.pair(lambda r: -coupling * math.log(r), 2, 2.0, 1.0)
    assert -plane.free_energy == pytest.approx(coulomb_gas.log_gas_pair(coupling), abs=1e-9)
    line = coulomb_gas.pair(lambda r: -coupling * math.log(r), 1, 1.0, 1.0)
    mehta = coulomb_gas.mehta(2, coupling)
    assert line.free_energy == pytest.approx(mehta.free_energy, abs=1e-9)
    assert line.energy == pytest.approx(mehta.energy, abs=1e-7)
    if coupling == 2:
        assert coulomb_gas.ginibre(2).free_energy == pytest.approx(plane.free_energy, abs=1e-9)


def test_square_radius_of_the_log_gas():
    assert coulomb_gas.mean_square_radius(6, 2, 2.0) == 21  # Ginibre: n (n + 1) / 2
    line = coulomb_gas.mean_square_radius(6, 1, 2.0)
    assert line == 36  # <sum x^2> = n^2 of the Gaussian unitary ensemble
    assert torch.isfinite(torch.tensor(line))
