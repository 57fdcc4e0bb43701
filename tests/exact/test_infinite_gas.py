"""The ideal gas without a box, and its exchange."""

import math

import numpy as np
import pytest

from vfe_lightning.exact.basis_size import complete_gas
from vfe_lightning.exact.infinite_gas import InfiniteGas
from vfe_lightning.hamiltonians.periodic_box import box_length

SPINS = pytest.mark.parametrize("shares", [(1.0,), (0.5, 0.5), (0.75, 0.25)], ids=str)
DIM = pytest.mark.parametrize("dim", [2, 3])


@DIM
def test_a_cold_gas_is_a_fermi_sea(dim):
    gas = InfiniteGas(dim, (0.5, 0.5), 0.01)
    fermi = gas.spins[0].fermi_energy
    heat = math.pi**2 / 3 if dim == 2 else math.pi**2 / 2  # C / T, over T_F
    assert gas.entropy == pytest.approx(heat * gas.theta, rel=1e-3)
    assert gas.energy == pytest.approx(dim / (dim + 2) * fermi + heat * gas.theta**2 / 2 * fermi, rel=1e-6)


@DIM
@SPINS
def test_entropy_and_energy_are_derivatives_of_the_free_energy(dim, shares):
    """F as a function of theta, at fixed density, in units of the temperature."""
    low, gas, high = (InfiniteGas(dim, shares, theta) for theta in (0.2998, 0.3, 0.3002))
    slope = (high.free_energy - low.free_energy) / (high.temperature - low.temperature)
    assert gas.entropy == pytest.approx(-slope, rel=1e-6)
    assert gas.free_energy == pytest.approx(gas.energy - gas.temperature * gas.entropy, rel=1e-12)


@DIM
def test_boxes_come_near_as_they_grow(dim):
    """Where the temperature smears shells, f of a box is too high by ln N / 2 N: there N is fixed."""
    gas = InfiniteGas(dim, (1.0,), 1.0)
    lacking = []
    for n in (20, 40):
        unit = (2 * math.pi / box_length(n, dim)) ** 2
        log_z, _ = complete_gas(n, (0.0,) * dim, unit / gas.temperature)
        lacking.append(n * (gas.free_energy + gas.temperature * log_z / n) / gas.temperature)
    assert lacking[0] - lacking[1] == pytest.approx(0.5 * math.log(2), abs=0.02)


def test_exchange_of_the_ground_state():
    """-0.916 / r_s Ry in space, -1.200 / r_s in the plane, times a power of two of one spin."""
    space, plane = -3 / (2 * math.pi) * (9 * math.pi / 4) ** (1 / 3), -8 * math.sqrt(2) / (3 * math.pi)
    for dim, value in ((2, plane), (3, space)):
        both, one = (InfiniteGas(dim, shares, 0.005).exchange for shares in ((0.5, 0.5), (1.0,)))
        assert both == pytest.approx(value, rel=1e-3)
        assert one / both == pytest.approx(2 ** (1 / dim), rel=1e-6)


@DIM
def test_structure_factor_between_its_limits(dim):
    """1 for short waves; for long ones the compressibility of the gas, T dn/dmu / n."""
    gas = InfiniteGas(dim, (1.0,), 0.7)
    long, short = gas.structure_factor(np.array([1e-3, 40.0]))
    spin = gas.spins[0]
    k, w = spin.nodes(spin.chemical_potential)
    f = spin.occupation(k)
    squeezed = float(w @ (dim * spin.ball * k ** (dim - 1) * f * (1 - f))) / gas.density
    assert short == pytest.approx(1, abs=1e-12)
    assert long == pytest.approx(squeezed, rel=1e-4)
