"""Bennett's acceptance ratio against normal densities, whose ln Z are known."""

import math

import pytest
import torch
from judging import agrees, scatters_by
from noise import normal

from vfe_lightning.estimators.bennett import acceptance_ratio
from vfe_lightning.generative.reparameterized import log_normal


def log_weights(x, mean=0.0, width=1.0):
    """Of the unnormalised N(mean, width^2) at x, against N(0, 1)."""
    return -0.5 * ((x - mean) / width).square().sum(dim=1) - log_normal(x)


def test_the_same_density_has_no_error():
    found = acceptance_ratio(log_weights(normal(0, 50, 3)), log_weights(normal(1, 20, 3)))
    assert found.log_z == pytest.approx(1.5 * math.log(2 * math.pi), abs=1e-9)
    assert found.error == pytest.approx(0, abs=1e-6) and found.overlap == pytest.approx(1)


def test_two_normal_densities_and_the_error_of_it():
    """Shifted by 2 and wider by 1.3; errors are those of 400 repetitions."""
    mean, width, exact = 2.0, 1.3, math.log(1.3) + 0.5 * math.log(2 * math.pi)
    found = [
        acceptance_ratio(
            log_weights(normal(2 * k, 300, 1), mean, width),
            log_weights(normal(2 * k + 1, 100, 1) * width + mean, mean, width),
        )
        for k in range(400)
    ]
    values = torch.tensor([f.log_z for f in found])
    error = sum(f.error for f in found) / len(found)
    assert scatters_by(values, error)
    assert agrees(values.mean().item(), error / math.sqrt(len(found)), exact)
    assert 0 < found[0].overlap < 1


def test_a_part_of_space_has_its_own():
    """The half x > 0 of N(0, 1) has half of Z; samples of the model elsewhere do not count."""
    x = normal(0, 20000, 1)
    w = log_weights(x, width=1.2).masked_fill(x[:, 0] < 0, -math.inf)
    data = log_weights(normal(1, 20000, 1).abs() * 1.2, width=1.2)
    found = acceptance_ratio(w, data)
    assert agrees(found.log_z, found.error, math.log(0.6 * math.sqrt(2 * math.pi))) and found.error < 0.02
    nothing = acceptance_ratio(torch.full((5,), -math.inf), data)
    assert nothing.error == math.inf and nothing.overlap == 0


def test_sides_that_do_not_meet_say_so():
    found = acceptance_ratio(torch.full((9,), -500.0), torch.full((9,), 500.0))
    assert found.error > 1e6 or found.error == math.inf
