"""Flows of planar spins: bijective, with the Jacobian that autograd finds, and blind to a common rotation."""

import math

import pytest
import torch
from judging import errors
from noise import stirred
from scipy.special import i0
from torch.func import jacrev

from vfe_lightning.bijectors.circular_spline import wrapped
from vfe_lightning.bijectors.rational_quadratic import inverse_spline, spline
from vfe_lightning.bijectors.rotating_angles import (
    RotatingCoupling,
    coarse_to_fine,
    density_knots,
    harmonic_bonds,
    neighbours,
    rotating_flow,
)
from vfe_lightning.exact import xy_torus
from vfe_lightning.generative.reparameterized import NormalizingFlow
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.xy import XY


def angles(batch, sites, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 2 * math.pi * torch.rand(batch, sites, generator=generator, dtype=torch.float64) - math.pi


def flow(L, scale=0.3):
    torch.manual_seed(0)
    return stirred(rotating_flow(L, 8, 6, strength=0.8), scale)


@pytest.mark.parametrize("L", [2, 3, 4, 6])
def test_inverse_and_jacobian(L):
    bijector = flow(L)
    z = torch.randn(4, L * L, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x, log_det = bijector(z)
    back, minus = bijector.inverse(x)
    torch.testing.assert_close(back, z, rtol=0, atol=1e-6)
    torch.testing.assert_close(minus, -log_det, rtol=0, atol=1e-6)
    jacobian = jacrev(lambda y: bijector(y[None])[0][0])(z[0])
    torch.testing.assert_close(torch.linalg.slogdet(jacobian)[1], log_det[0], rtol=0, atol=1e-8)


@pytest.mark.parametrize("L", [2, 3, 4])
def test_density_does_not_change_when_all_spins_turn(L):
    model = NormalizingFlow(flow(L), (L * L,))
    x = angles(6, L * L)
    for turn in (0.3, 2.9, -2 * math.pi):
        torch.testing.assert_close(model.log_prob(wrapped(x + turn)), model.log_prob(x), rtol=0, atol=1e-7)


def test_density_is_normalised():
    """By the trapezoidal rule over the three angles of the 2 x 2 torus that a rotation leaves."""
    model, count = NormalizingFlow(flow(2, scale=0.05), (4,)), 64
    angle = 2 * math.pi * torch.arange(count, dtype=torch.float64) / count - math.pi + 0.01
    x = torch.cat([torch.zeros(count**3, 1), torch.cartesian_prod(angle, angle, angle)], dim=1).double()
    with torch.no_grad():
        total = model.log_prob(x).exp().mean().item() * (2 * math.pi) ** 4
    assert total == pytest.approx(1, abs=2e-3)  # splines have kinks


@pytest.mark.parametrize("L", [1, 2, 3, 4, 5, 6, 8, 12, 16])
def test_every_site_is_drawn_once(L):
    there = {0}
    for new, seen in coarse_to_fine(L):
        assert set(seen.tolist()) == there and not there & set(new.tolist())
        there |= set(new.tolist())
    assert there == set(range(L * L))


@pytest.mark.parametrize("L", [4, 8, 6])
def test_the_last_sites_have_no_bonds(L):
    new, _ = coarse_to_fine(L)[-1]
    assert len(new) == L * L // 2 and ((new // L + new % L) % 2 == 1).all()


def test_neighbours_lie_at_the_same_displacements():
    L = 8
    for moved, seen in coarse_to_fine(L):
        taps, distance = neighbours(L, moved, seen, 3.0)
        assert set(taps.flatten().tolist()) <= set(seen.tolist()) and len(distance) == taps.shape[1] > 0
        down = (taps // L - moved[:, None] // L + L // 2) % L
        right = (taps % L - moved[:, None] % L + L // 2) % L
        assert (down == down[0]).all() and (right == right[0]).all()


@pytest.mark.parametrize("kappa", [0.0, 1.0, 6.0])
def test_a_density_on_bins_is_that_of_the_map(kappa):
    """Von Mises', at the ends and in the middles of the bins."""
    bins = 24
    y = 2 * math.pi * torch.arange(bins, dtype=torch.float64) / bins - math.pi
    fine = torch.linspace(0, 2 * math.pi / bins, 1001, dtype=torch.float64)
    mean = (kappa * (y[:, None] + fine).cos()).exp().mean(dim=1).log()
    knots = density_knots((kappa * y.cos())[:, None], mean[:, None])
    at = torch.linspace(-3.1, 3.1, 101, dtype=torch.float64)
    u, log_slope = inverse_spline(at, knots.expand(3, bins + 1, 101))
    density = (-log_slope).exp() / (2 * math.pi)
    exact = (kappa * at.cos()).exp() / (2 * math.pi * i0(kappa))
    torch.testing.assert_close(density, exact, rtol=0.07, atol=1e-5)
    torch.testing.assert_close(spline(u, knots.expand(3, bins + 1, 101))[0], at)


def test_the_first_map_is_the_conditional_of_neighbours():
    """Before training: von Mises' density around the sum of the nearest spins, at their strength."""
    L, beta = 4, 0.7
    moved, seen = coarse_to_fine(L)[-1]
    torch.manual_seed(0)
    layer = RotatingCoupling(L, moved, seen, 4, 32, beta)
    torch.nn.init.zeros_(layer.network[-1].weight)
    x = angles(50, L * L)
    with torch.no_grad():
        _, log_det = layer.inverse(x)
    grid = x.view(-1, L, L)
    total = sum(torch.roll(torch.polar(torch.ones_like(grid), grid), s, a) for s in (1, -1) for a in (1, 2))
    field, site = total.flatten(1)[:, moved], x[:, moved]
    exact = beta * field.abs() * (site - field.angle()).cos() - torch.special.i0(beta * field.abs()).log()
    torch.testing.assert_close(log_det, exact.sum(dim=1), rtol=0, atol=0.02)


@pytest.mark.parametrize("L", [2, 4, 6])
def test_bonds_that_are_left_are_those_of_the_harmonic_theory(L):
    """The variance of a site given others is one over the sum of its bonds."""
    A = lattices.couplings(lattices.bonds(L, lattices.SQUARE), 1.0, L * L)
    laplacian = A.sum(dim=1).diag() - A
    for new, seen in coarse_to_fine(L):
        bonds = harmonic_bonds(L, new[0], seen)
        assert (bonds[seen] > -1e-12).all()
        free = torch.ones(L * L, dtype=torch.bool)
        free[seen] = False
        covariance = torch.linalg.inv(laplacian[free][:, free])
        position = int(free[: new[0]].sum())
        torch.testing.assert_close(1 / covariance[position, position], bonds[seen].sum())
        mean = covariance[position] @ -laplacian[free][:, seen]
        torch.testing.assert_close(mean, bonds[seen] / bonds[seen].sum())
    torch.testing.assert_close(bonds[seen], A[new[0], seen])  # the last sites have neighbours only


def test_a_cold_flow_is_good_before_it_is_trained():
    """Without any step 2 x 2 spins have almost their exact free energy."""
    beta = 6.0
    torch.manual_seed(0)
    model, H = NormalizingFlow(rotating_flow(2, 8, 16, beta), (4,)), XY(2, 1.0)
    with torch.no_grad():
        x, log_p = model.rsample(4000, torch.Generator().manual_seed(1))
    cost = log_p + beta * H.energy(x)
    exact, error = beta * xy_torus.square(2, beta).free_energy, cost.std().item() / 4000**0.5
    assert -errors(4000) * error < cost.mean().item() - exact < 0.1
