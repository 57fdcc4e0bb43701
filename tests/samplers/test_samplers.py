"""Exact sampling of free fermions against closed forms and against Metropolis."""

import math

import pytest
import torch
from judging import agrees, follows

from vfe_lightning.samplers.metropolis import metropolis
from vfe_lightning.statistics import Moments
from vfe_lightning.wavefunctions.free_fermions import free_fermions
from vfe_lightning.wavefunctions.slater import SlaterDeterminants

LENGTH = 3.0


def momenta(n: int, dim: int, twist: float = 0.2) -> torch.Tensor:
    grid = torch.cartesian_prod(*[torch.tensor([0.0, 1.0, -1.0])] * dim).double()
    return (
        2
        * math.pi
        / LENGTH
        * (grid[torch.randperm(len(grid), generator=torch.Generator().manual_seed(n))[:n]] + twist)
    )


def pair_density_moments(k: torch.Tensor, z: torch.Tensor, q: torch.Tensor) -> tuple[Moments, float]:
    """< sum_{i != j} cos(q . (z_i - z_j)) > sampled, and exactly: -#{(a, b): k_a - k_b = q} for q != 0.

    From rho_2(r) = n^2 - |sum_a exp(i k_a r)|^2, in units of the density.
    """
    phase = torch.polar(torch.ones(z.shape[:2], dtype=torch.float64), z @ q)
    sampled = phase.sum(1).abs().square() - z.shape[1]
    overlaps = ((k[:, None] - k - q).norm(dim=-1) < 1e-9).sum()
    return Moments.of(sampled), -float(overlaps)


@pytest.mark.parametrize(("n", "dim"), [(2, 2), (3, 2), (2, 3), (3, 3), (5, 2)])
def test_pair_density_of_free_fermions(n, dim):
    """All Fourier components of the one- and two-body densities, from 20000 samples."""
    k = momenta(n, dim)
    z = free_fermions(k.expand(20000, -1, -1), LENGTH, torch.Generator().manual_seed(0))
    assert z.shape == (20000, n, dim)
    assert float(z.min()) >= 0
    assert float(z.max()) < LENGTH
    differences = torch.unique(((k[:, None] - k).flatten(0, 1) * LENGTH / (2 * math.pi)).round(), dim=0)
    found = 0
    for q in 2 * math.pi / LENGTH * differences[differences.abs().sum(1) > 0]:
        sampled, exact = pair_density_moments(k, z, q)
        assert agrees(sampled.mean, sampled.error, exact)
        found += exact < 0
        one_body = Moments.of((z @ q).cos().sum(1))  # uniform density
        assert agrees(one_body.mean, one_body.error, 0.0)
    assert found == len(differences) - 1


def test_pair_correlation_of_two_fermions_in_closed_form():
    """g along the momentum difference is 1 - cos(q r): a histogram of 20 bins."""
    k = 2 * math.pi / LENGTH * torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    count, bins = 40000, 20
    z = free_fermions(k.expand(count, -1, -1), LENGTH, torch.Generator().manual_seed(1))
    r = (z[:, 0, 0] - z[:, 1, 0]) % LENGTH / LENGTH
    observed = torch.histc(r, bins, 0, 1)
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    integral = edges - (2 * math.pi * edges).sin() / (2 * math.pi)
    p = integral.diff()
    assert follows(observed, count * p)


def test_each_walker_has_its_own_momenta():
    a, b = (
        2 * math.pi / LENGTH * torch.tensor(v, dtype=torch.float64)
        for v in ([[0.0, 0], [1, 0]], [[0.0, 0], [0, 1]])
    )
    k = torch.stack([a, b]).repeat(10000, 1, 1)
    z = free_fermions(k, LENGTH, torch.Generator().manual_seed(0))
    for walkers, own, other in ((z[::2], a[1], b[1]), (z[1::2], b[1], a[1])):
        strong = Moments.of(2 * ((walkers[:, 0] - walkers[:, 1]) @ own).cos())
        weak = Moments.of(2 * ((walkers[:, 0] - walkers[:, 1]) @ other).cos())
        assert agrees(strong.mean, strong.error, -1.0)
        assert agrees(weak.mean, weak.error, 0.0)


def test_particles_are_exchangeable():
    """The first placed is uniform like the last: the square of the marginals' Fourier components."""
    k = momenta(4, 2)
    z = free_fermions(k.expand(20000, -1, -1), LENGTH, torch.Generator().manual_seed(2))
    q = k[0] - k[1]
    for i, j in ((0, 1), (0, 3), (2, 3)):
        pair = Moments.of(((z[:, i] - z[:, j]) @ q).cos())
        exact = -float(((k[:, None] - k - q).norm(dim=-1) < 1e-9).sum()) / 12
        assert agrees(pair.mean, pair.error, exact)


def test_samples_repeat_with_the_generator():
    k = momenta(4, 3).expand(8, -1, -1)
    first, again, other = (free_fermions(k, LENGTH, torch.Generator().manual_seed(s)) for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_metropolis_agrees_with_the_exact_sampler():
    """Pair density of 3 free fermions, 3000 walkers from uniform starts."""
    k = momenta(3, 2)
    walkers = 3000
    g = torch.Generator().manual_seed(0)
    start = LENGTH * torch.rand(walkers, 3, 2, generator=g, dtype=torch.float64)
    states = SlaterDeterminants(k.expand(walkers, -1, -1), LENGTH)
    walk = metropolis(lambda x: 2 * states.log_psi(x).real, start, 300, 0.05, g)
    for q in (k[0] - k[1], k[1] - k[2]):
        sampled, exact = pair_density_moments(k, walk.x, q)
        assert agrees(sampled.mean, sampled.error, exact)
    assert 0.4 < float(walk.acceptance) < 0.6
    assert float(walk.step_size) > 0.1  # adapted from a start that was too small
    assert 0.5 < float(walk.autocorrelation_time) < 30


def test_metropolis_samples_a_gaussian():
    """Mean and variance of a normal density, from 4000 walkers."""
    g = torch.Generator().manual_seed(0)
    start = torch.zeros(4000, 2, dtype=torch.float64)
    walk = metropolis(lambda x: -0.5 * (x - 1).square().sum(1) / 4, start, 200, 1.0, g)
    x = Moments.of(walk.x)
    assert agrees(x.mean, x.error, 1.0)
    spread = Moments.of((walk.x - 1).square())
    assert agrees(spread.mean, spread.error, 4.0)


def test_short_walks_are_allowed():
    walk = metropolis(
        lambda x: -x.square().sum(1), torch.zeros(4, 2), 1, 0.5, torch.Generator().manual_seed(0)
    )
    assert walk.x.shape == (4, 2)
    assert math.isinf(float(walk.autocorrelation_time))
    assert 0 <= float(walk.acceptance) <= 1
