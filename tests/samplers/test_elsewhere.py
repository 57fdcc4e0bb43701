"""Densities without modes, against those of torch."""

import math

import pytest
import torch
from judging import agrees
from torch.distributions import Normal, Uniform

from vfe_lightning.samplers.elsewhere import any_angles, any_values, normal

VALUES = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)
DENSITIES = {
    "values": (any_values(4, VALUES), lambda x: x.new_full(x.shape, -math.log(3.0)), 1 / 3, 5 / 3),
    "angles": (any_angles(4), Uniform(0.0, 2 * math.pi).log_prob, math.pi, 4 * math.pi**2 / 3),
    "normal": (normal((2, 2), 3.0), Normal(0.0, 3.0).log_prob, 0.0, 9.0),
}


@pytest.mark.parametrize("name", DENSITIES)
def test_what_is_drawn_has_the_density_that_it_says(name):
    density, of_each, mean, square = DENSITIES[name]
    x, log_q = density.draw(2000, torch.Generator().manual_seed(0))
    assert x.dtype == log_q.dtype == torch.float64 and len(x) == 2000
    torch.testing.assert_close(log_q, of_each(x.double()).double().flatten(1).sum(1))
    torch.testing.assert_close(density.log_q(x), log_q)
    for power, expected in ((1, mean), (2, square)):
        rows = x.pow(power).flatten(1).mean(1)
        assert agrees(rows.mean(), rows.std() / math.sqrt(2000), expected)
