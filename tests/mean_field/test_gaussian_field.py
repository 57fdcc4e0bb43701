"""The best Gaussian field: exact for a free one, a bound otherwise, broken below the transition."""

import math

import pytest
import torch

from vfe_lightning.exact.phi4 import free_field, small_torus
from vfe_lightning.mean_field.gaussian import best_gaussian_field, gaussian_field


def phi4(L, m2, lam):
    k = 2 - 2 * torch.cos(2 * math.pi * torch.arange(L, dtype=torch.float64) / L)
    return 2 * (k[:, None] + k), lambda x: m2 * x**2 + lam * x**4, lambda x: 2 * m2 + 12 * lam * x**2


def test_a_free_field_is_exact():
    found = gaussian_field(*phi4(5, 0.7, 0.0))
    assert found.free_energy == pytest.approx(free_field(5, 0.7).free_energy, abs=1e-9)


@pytest.mark.parametrize(("m2", "lam"), [(-4.0, 8.0), (1.0, 0.5), (0.3, 0.01)])
def test_it_is_a_bound_that_weak_coupling_closes(m2, lam):
    exact, found = small_torus(3, m2, lam).free_energy, gaussian_field(*phi4(3, m2, lam)).free_energy
    assert exact < found < exact + 2 * lam


def test_it_is_stationary():
    """No other width or mean is lower."""
    q, v, curvature = phi4(4, -6.0, 1.0)
    best = best_gaussian_field(q, v, curvature)
    assert best.mean > 1 and best.free_energy < gaussian_field(q, v, curvature).free_energy
    for mean in (best.mean - 0.05, best.mean + 0.05):
        assert gaussian_field(q, v, curvature, mean).free_energy > best.free_energy
    symmetric = best_gaussian_field(*phi4(4, 1.0, 1.0))
    assert symmetric.mean == 0
