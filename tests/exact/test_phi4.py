"""Exact free energies of phi^4 theory against plain quadrature, each other, and published conventions."""

import math

import numpy as np
import pytest
import torch

from vfe_lightning.exact.phi4 import free_field, site_rule, small_torus
from vfe_lightning.hamiltonians.phi4 import PhiFour


@pytest.mark.parametrize(
    ("L", "m2", "lam", "log_z"),
    [(2, -4.0, 8.0, 0.914434), (2, -4.0, 6.975, 1.173185), (2, 1.0, 0.5, -0.5749904)],
)
def test_known_values(L, m2, lam, log_z):
    assert -small_torus(L, m2, lam).free_energy == pytest.approx(log_z, abs=1e-6)


def test_two_by_two_sites_by_plain_quadrature():
    x, w = np.polynomial.legendre.leggauss(32)
    x, w = torch.from_numpy(2 * x), torch.from_numpy(2 * w)
    fields = torch.cartesian_prod(x, x, x, x).view(-1, 2, 2)
    weight = torch.cartesian_prod(w, w, w, w).prod(dim=1)
    action = PhiFour(-1.0, 3.0).energy(fields)
    z = (weight * (-action).exp()).sum()
    energy = (weight * action * (-action).exp()).sum() / z
    found = small_torus(2, -1.0, 3.0)
    assert -found.free_energy == pytest.approx(z.log().item(), abs=1e-6)
    assert found.energy == pytest.approx(energy.item(), abs=1e-5)
    assert found.free_energy == pytest.approx(found.energy - found.entropy)


def test_three_sites_converge_in_the_nodes():
    coarse, fine = (small_torus(3, -4.0, 8.0, nodes) for nodes in (8, 10))
    assert coarse.free_energy == pytest.approx(fine.free_energy, abs=1e-7)
    assert coarse.energy == pytest.approx(fine.energy, abs=3e-6)


def test_a_weak_coupling_meets_the_free_field():
    """To first order in lambda, F rises by lambda L^2 <phi^4>_0 = 3 lambda L^2 G(0)^2."""
    lam, m2 = 1e-5, 1.5
    k = 2 - 2 * torch.cos(math.pi * torch.arange(2.0))
    variance = (0.5 / (m2 + k[:, None] + k)).mean().item()
    free = free_field(2, m2)
    first = free.free_energy + 4 * lam * 3 * variance**2
    assert small_torus(2, m2, lam, 60).free_energy == pytest.approx(first, abs=1e-7)
    assert free.energy == 2.0


def test_the_rule_of_a_site_has_the_moments_of_its_weight():
    x, log_w = site_rule(-6.0, 2.0, 12)
    grid = np.linspace(-5, 5, 4001)
    weight = np.exp(6 * grid**2 - 2 * grid**4)
    for power in (0, 2, 8):
        exact = np.trapezoid(grid**power * weight, grid)
        assert (x**power * np.exp(log_w)).sum() == pytest.approx(exact, rel=1e-10)
