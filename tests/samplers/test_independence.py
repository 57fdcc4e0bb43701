"""A Metropolis chain on independent proposals against the Gibbs state that it has to leave as it is."""

import math

import torch
from judging import agrees, scatters_by

from vfe_lightning.samplers.independence import independence_metropolis
from vfe_lightning.statistics import Importance


def gaussians(n: int, width: float):
    """Samples of N(0, width) with ln w to N(0, 1)."""
    x = width * torch.randn(n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x, -0.5 * x.square() + 0.5 * (x / width).square() + torch.tensor(width).log()


def test_equal_weights_are_always_accepted():
    chain = independence_metropolis(torch.zeros(500))
    assert chain.acceptance.mean == 1 and chain.index.tolist() == list(range(500))


def test_the_chain_has_the_moments_of_the_target():
    x, log_weights = gaussians(40_000, 1.5)
    chain = independence_metropolis(log_weights)
    along = x[chain.index]
    time = chain.autocorrelation_time.mean.item()
    assert agrees(along.square().mean(), math.sqrt(2 * 2 * time / len(x)), 1.0)  # x^2 has the variance 2
    assert 0.6 < chain.acceptance.mean.item() < 0.8 and 0.5 < time < 3


def test_reweighting_has_the_moments_of_the_target():
    x, log_weights = gaussians(40_000, 1.5)
    second = Importance(log_weights).mean(torch.stack([x, x.square()], dim=1))
    assert agrees(second.mean, second.error, torch.tensor([0.0, 1.0])) and second.error[1] < 0.0125


def test_the_error_of_a_reweighted_mean_is_what_repetition_shows():
    found = []
    for part in range(400):
        x, log_weights = (t[400 * part : 400 * (part + 1)] for t in gaussians(160_000, 1.5))
        moments = Importance(log_weights).mean(x.square())
        found.append((moments.mean.item(), moments.error.item()))
    means, errors = torch.tensor(found).unbind(dim=1)
    assert scatters_by(means, errors.mean().item())
