"""Derivatives at points, carried on to all coordinates, against those in all coordinates at once."""

import pytest
import torch
from noise import normal

from vfe_lightning.calculus import chain_rule
from vfe_lightning.calculus.forward_laplacian import coordinates, norm, reciprocal, tanh_and_slope

MIX = torch.linspace(-1, 2, 30, dtype=torch.float64).view(5, 6)


def at_each_point(d):
    """Of (batch, 3, points): (batch, points), (batch, 3, points) and (batch, 2, 3, points), by every rule."""
    r = norm(d, -2, plus=0.5)
    tanh, slope = tanh_and_slope(r * 0.7)
    force = d * (tanh * reciprocal(r)).unsqueeze(-2)
    both = (d * slope.unsqueeze(-2) + force).unsqueeze(-3) * torch.ones(2, 1, 1, dtype=torch.float64)
    return slope - r * r * 0.1, force, both


@pytest.mark.parametrize("coupled", [False, True])
def test_they_are_the_same(coupled: bool, monkeypatch) -> None:
    x = coordinates(normal(1, 4, 3, 5))
    if coupled:  # points whose coordinates are functions of many
        x = (tanh_and_slope(x * 0.4)[0] * x) @ (MIX @ MIX.T)
    points = x @ MIX
    monkeypatch.setattr(chain_rule, "MANY", 100)
    together = chain_rule.each_alone(at_each_point, points)
    monkeypatch.setattr(chain_rule, "MANY", 0)
    alone = chain_rule.each_alone(at_each_point, points)
    for found, expected in zip(alone, together, strict=True):
        for part, whole in zip(found, expected, strict=True):
            torch.testing.assert_close(part, whole, rtol=1e-12, atol=1e-11)


def test_plain_values_are_the_function_itself() -> None:
    d = normal(2, 4, 3, 6)
    for found, expected in zip(chain_rule.each_alone(at_each_point, d), at_each_point(d), strict=True):
        assert torch.equal(found, expected)
