"""Splines of an interval and of the line: monotonic, invertible, with the slope that autograd finds."""

import math

import torch
from noise import normal

from vfe_lightning.bijectors.rational_quadratic import inverse_spline, knots_of, spline, with_tails


def test_zeros_are_the_identity():
    x = torch.linspace(-math.pi, math.pi, 50, dtype=torch.float64)
    zero = torch.zeros(3, 6, 50, dtype=torch.float64)
    y, log_slope = spline(x, knots_of(zero[:2], torch.cat([zero[2], zero[2, :1]]), math.pi))
    torch.testing.assert_close(y, x, rtol=0, atol=1e-12)
    torch.testing.assert_close(log_slope, torch.zeros_like(x), rtol=0, atol=1e-12)


def test_ends_stay():
    knots = knots_of(2 * normal(0, 2, 6, 1).expand(-1, -1, 2), 2 * normal(1, 7, 1).expand(-1, 2), math.pi)
    ends = torch.tensor([-math.pi, math.pi], dtype=torch.float64)
    y, log_slope = spline(ends, knots)
    torch.testing.assert_close(y, ends, rtol=0, atol=1e-12)
    torch.testing.assert_close(log_slope, knots[2, [0, -1], 0].log(), rtol=0, atol=1e-10)


def test_inverse_of_strong_splines():
    knots = knots_of(3 * normal(0, 2, 8, 200), 3 * normal(1, 9, 200), math.pi)
    x = math.pi * (2 * torch.rand(200, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1)
    y, log_slope = spline(x, knots)
    back, same = inverse_spline(y, knots)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-7)
    torch.testing.assert_close(same, log_slope, rtol=0, atol=1e-5)
    assert (y.abs() <= math.pi + 1e-12).all()


def test_the_line_beyond_the_interval_and_inside():
    slopes = torch.nn.functional.pad(normal(1, 5, 1), (0, 0, 1, 1))
    knots = knots_of(normal(0, 2, 6, 1), slopes, 2.0).expand(-1, -1, 400)
    x = torch.linspace(-3, 3, 400, dtype=torch.float64, requires_grad=True)
    y, log_slope = with_tails(x, knots, 2.0)
    torch.testing.assert_close(y[x.abs() > 2], x[x.abs() > 2])
    assert (y.diff() > 0).all() and (y - x).abs().max() > 0.1
    torch.testing.assert_close(torch.autograd.grad(y.sum(), x)[0].log(), log_slope)
    back, same = with_tails(y, knots, 2.0, inverse=True)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-10)
    torch.testing.assert_close(same, log_slope, rtol=0, atol=1e-9)
