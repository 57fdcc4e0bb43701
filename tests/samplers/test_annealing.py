"""Paths between two normal densities, whose Z are known, from both ends."""

import math

import torch
from judging import agrees
from noise import normal

from vfe_lightning.estimators.bennett import acceptance_ratio
from vfe_lightning.samplers.annealing import annealed

WIDTH, MEAN = 0.6, 1.0
EXACT = 2 * math.log(WIDTH)  # ln of Z_1 / Z_0 in two dimensions


def path(x, steps, backwards=False):
    return annealed(
        lambda y: 0.5 * y.square().sum(dim=1),
        lambda y: y,
        lambda y: 0.5 * ((y - MEAN) / WIDTH).square().sum(dim=1),
        lambda y: (y - MEAN) / WIDTH**2,
        x,
        steps,
        backwards=backwards,
        power=2,
        step_size=0.2,
        generator=torch.Generator().manual_seed(1),
    )


def test_weights_of_paths_average_to_the_ratio():
    found = path(normal(0, 4000, 2), 30)
    w = found.log_weights.exp()
    assert agrees(w.mean(), w.std() / math.sqrt(len(w)), math.exp(EXACT)) and w.std() < 0.8
    assert found.log_weights.std() < 1.0 < path(normal(0, 4000, 2), 1).log_weights.std()
    shares = (w / w.sum())[:, None]
    assert ((shares * found.x).sum(dim=0) - MEAN).abs().max() < 0.1
    assert 0.3 < found.acceptance <= 1


def test_both_ends_meet():
    forth = path(normal(0, 1000, 2), 20)
    back = path(MEAN + WIDTH * normal(1, 1000, 2), 20, backwards=True)
    w = back.log_weights.neg().exp()
    assert agrees(w.mean(), w.std() / math.sqrt(len(w)), math.exp(-EXACT)) and w.std() < 16
    found = acceptance_ratio(forth.log_weights, back.log_weights)
    assert agrees(found.log_z, found.error, EXACT) and found.error < 0.05
    apart = acceptance_ratio(
        path(normal(0, 1000, 2), 1).log_weights, path(MEAN + WIDTH * normal(1, 1000, 2), 1).log_weights
    )
    assert found.overlap > 1.5 * apart.overlap
