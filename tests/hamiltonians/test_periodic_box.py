"""Geometry of the periodic cube and its plane waves, and the electron gas in it."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from vfe_lightning.hamiltonians.electron_gas import ElectronGas
from vfe_lightning.hamiltonians.ewald import Ewald
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy, plane_waves

GOLDEN = Path(__file__).parents[3] / "shared/reference/golden_heg2d_n29_rs10.npz"


@pytest.mark.parametrize(("dim", "ball"), [(2, math.pi), (3, 4 * math.pi / 3)])
def test_one_particle_fills_the_unit_ball(dim, ball):
    assert box_length(17, dim) ** dim / 17 == pytest.approx(ball, rel=1e-14)


@pytest.mark.parametrize(("dim", "n"), [(2, 3001), (3, 3001)])
def test_fermi_energy_is_that_of_the_highest_occupied_orbital_of_many(dim, n):
    energy = (2 * math.pi / box_length(n, dim)) ** 2 * plane_waves(
        dim, 1200 if dim == 2 else 100, (0.0,) * dim
    ).square().sum(1)
    assert float(energy[n - 1]) == pytest.approx(fermi_energy(dim), rel=0.03)


@pytest.mark.parametrize("twist", [0.0, 0.25, 0.5, -0.1])
@pytest.mark.parametrize(("dim", "cutoff"), [(2, 25), (3, 9)])
def test_plane_waves_are_all_of_the_ball_by_rising_energy(dim, cutoff, twist):
    k = plane_waves(dim, cutoff, (twist,) * dim)
    n = [v for v in itertools.product(range(-6, 7), repeat=dim) if sum(c * c for c in v) <= cutoff]
    assert {tuple(v) for v in (k - twist).round().int().tolist()} == set(n)
    assert len(k) == len(n)
    energy = k.square().sum(dim=1)
    assert bool((energy.diff() > -1e-9).all())
    for a, b in itertools.pairwise(k.tolist()):
        if abs(sum(c * c for c in a) - sum(c * c for c in b)) < 1e-9:
            assert a < b  # lexicographic among the degenerate


@pytest.mark.skipif(not GOLDEN.exists(), reason=f"no reference data at {GOLDEN}")
def test_published_potential_energy():
    with np.load(GOLDEN) as data:
        x, expected = torch.tensor(data["x"]), torch.tensor(data["potential_with_madelung"])
        length = float(data["meta/L"])
    gas = ElectronGas(29, 2, 10.0)
    assert gas.length == pytest.approx(length, rel=1e-14)
    torch.testing.assert_close(gas.energy(x), expected, rtol=1e-10, atol=0)


def test_two_electrons_close_together_repel_by_two_rs_over_r():
    gas = ElectronGas(2, 3, 3.0)
    x = torch.zeros(2, 2, 3, dtype=torch.float64)
    x[0, 1, 0], x[1, 1, 0] = 1e-3, 2e-3
    v = gas.energy(x)
    assert float(v[0] - v[1]) == pytest.approx(2 * 3.0 * (1e3 - 5e2), rel=1e-5)


def test_energy_scales_with_rs():
    x = torch.rand(2, 4, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(ElectronGas(4, 2, 10.0).energy(x), 10 * ElectronGas(4, 2, 1.0).energy(x))
    gas = ElectronGas(4, 2, 1.0)
    torch.testing.assert_close(gas.energy(x * gas.length), 2 / gas.length * Ewald(2)(x))
