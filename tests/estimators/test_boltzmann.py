"""Boltzmann generators: the gradient, the cap, and the coverage of data, against closed forms."""

import math

import pytest
import torch
from judging import agrees
from noise import normal

from vfe_lightning.bijectors.affine import Affine
from vfe_lightning.estimators.boltzmann import Training, by_energy_and_data, capped, coverage
from vfe_lightning.estimators.gradients import gradient_and_variance
from vfe_lightning.generative.reparameterized import NormalizingFlow, log_normal


def flow(scale=1.0):
    return NormalizingFlow(Affine((2,), scale), (2,))


def test_data_alone_are_maximum_likelihood():
    """d/d ln sigma of -E[ln p] is 1 - <x^2> / sigma^2, and d/d mean is -<x>."""
    data = normal(0, 4000, 2) * 1.5 + 0.5
    training = Training(data, energy_weight=0.0, data_weight=1.0, cap=1e3)
    _, estimate = by_energy_and_data(
        flow(), lambda x: x.square().sum(1), 4000, 1.0, training, torch.Generator().manual_seed(1)
    )
    gradient, variance = gradient_and_variance(estimate.factors[0])
    exact = torch.cat([1 - data.square().mean(0), -data.mean(0)])
    spread = torch.cat([data.square().std(0), data.std(0)])
    assert agrees(gradient, spread / math.sqrt(4000), exact)
    assert variance > 0


def test_the_energy_alone_is_the_free_energy():
    """H = x^2, sigma = 1: d(beta F) / d ln sigma = 2 beta - 1 for each coordinate."""
    training = Training(normal(0, 10, 2), energy_weight=1.0, data_weight=0.0, cap=1e6)
    x, estimate = by_energy_and_data(
        flow(), lambda x: x.square().sum(1), 20000, 1.0, training, torch.Generator().manual_seed(1)
    )
    gradient, _ = gradient_and_variance(estimate.factors[0])
    assert agrees(gradient[:2], math.sqrt(8 / 20000), 1.0)  # that of 2 x^2 - 1
    torch.testing.assert_close(estimate.free_energy, x.square().sum(1) + log_normal(x))
    assert estimate.log_weights is not None
    torch.testing.assert_close(estimate.log_weights, -estimate.free_energy)


def test_the_cap_is_in_the_gradient_only_and_smooth():
    u = torch.tensor([-1.0, 9.0, 10.0, 10.0 + 1e-6, 1e12], dtype=torch.float64, requires_grad=True)
    v = capped(u, 10.0)
    assert v[:3].tolist() == [-1.0, 9.0, 10.0]
    assert v[4].item() == pytest.approx(10 + math.log1p(1e12 - 10))
    (slope,) = torch.autograd.grad(v.sum(), u)
    assert slope[:3].tolist() == [1, 1, 1] and slope[3].item() == pytest.approx(1, abs=1e-5)
    assert slope[4] < 1e-11
    training = Training(normal(0, 10, 2), 1.0, 0.0, cap=0.5)
    _, estimate = by_energy_and_data(flow(), lambda x: 100 * x.square().sum(1), 50, 1.0, training)
    torch.testing.assert_close(estimate.free_energy, estimate.energy - estimate.entropy)


def test_coverage_of_the_same_density_is_complete():
    x = normal(0, 1000, 2)
    found = coverage(-0.5 * x.square().sum(1) - log_normal(x), math.log(2 * math.pi))
    assert found.uncovered == 0
    assert found.effective_sample_size == pytest.approx(1)


def test_coverage_sees_a_mode_that_is_lost():
    """Data of two wells at -5 and 5, and a model that knows only one."""
    x = torch.cat([normal(0, 700, 1) - 5, normal(1, 300, 1) + 5])
    energy = -torch.logaddexp(-0.5 * (x - 5).square(), -0.5 * (x + 5).square())[:, 0]
    log_z = 0.5 * math.log(2 * math.pi) + math.log(2)
    found = coverage(-energy - log_normal(x + 5), log_z)
    assert found.uncovered == pytest.approx(0.3, abs=0.01)
    assert found.effective_sample_size < 1e-10


def test_the_forward_effective_sample_size_is_that_of_samples():
    """1 / (<w> <1/w>) over the Gibbs state: p = N(0, s^2) against N(0, 1) in closed form, s = 1.2."""
    s, x = 1.2, normal(3, 400000, 1)
    log_prob = -0.5 * (x / s).square()[:, 0] - math.log(s) - 0.5 * math.log(2 * math.pi)
    found = coverage(-0.5 * x.square()[:, 0] - log_prob, 0.5 * math.log(2 * math.pi))
    mean_w = s / math.sqrt(2 - 1 / s**2)  # <p_Gibbs / p> over the Gibbs state
    assert found.effective_sample_size == pytest.approx(1 / mean_w, abs=5e-3)
