"""Splines of the circle: bijective, smooth across the seam, with the Jacobian that autograd finds."""

import math

import pytest
import torch
from torch.func import jacrev

from vfe_lightning.bijectors.affine_coupling import AffineCoupling
from vfe_lightning.bijectors.circular_spline import (
    CircularSplineCoupling,
    Knots,
    NormalToCircle,
    Standardized,
    inverse_spline,
    spline,
)

CIRCULAR = torch.tensor([False, False, True, True, True])
MOVED = torch.tensor([False, False, True, False, True])


def normal(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def stirred(module, scale=0.5):
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(scale * torch.randn(p.shape, generator=generator, dtype=p.dtype))
    return module


def points(batch):
    lines, angles = normal(0, batch, 2), normal(1, batch, 3)
    return torch.cat([lines, 3 * torch.tanh(angles)], dim=1)


MAPS = {
    "spline": lambda: stirred(CircularSplineCoupling(MOVED, CIRCULAR, 8, 5)),
    "affine": lambda: stirred(AffineCoupling(torch.tensor([True, False, False, False, False]), 8, CIRCULAR)),
    "to the circle": lambda: NormalToCircle(CIRCULAR),
    "standardized": lambda: Standardized(normal(2, 5), 0.3 * normal(3, 5).exp(), CIRCULAR),
}


@pytest.mark.parametrize("name", MAPS)
def test_inverse_and_jacobian(name):
    torch.manual_seed(0)
    bijector, z = MAPS[name](), points(4)
    x, log_det = bijector(z)
    back, minus = bijector.inverse(x)
    torch.testing.assert_close(back, z, rtol=0, atol=1e-9)
    torch.testing.assert_close(minus, -log_det, rtol=0, atol=1e-9)
    for b in range(4):
        jacobian = jacrev(lambda y: bijector(y[None])[0][0])(z[b])
        torch.testing.assert_close(torch.linalg.slogdet(jacobian)[1], log_det[b], rtol=0, atol=1e-9)


def test_zeros_are_the_identity_and_the_ends_stay():
    zero = torch.zeros(50, 6, dtype=torch.float64)
    x = torch.linspace(-math.pi, math.pi, 50, dtype=torch.float64)
    y, log_slope = spline(x, Knots.of(zero, zero, zero))
    torch.testing.assert_close(y, x, rtol=0, atol=1e-12)
    torch.testing.assert_close(log_slope, torch.zeros_like(x), rtol=0, atol=1e-12)
    knots = Knots.of(*(2 * normal(k, 1, 6).expand(2, -1) for k in range(3)))
    ends = torch.tensor([-math.pi, math.pi], dtype=torch.float64)
    y, log_slope = spline(ends, knots)
    torch.testing.assert_close(y, ends, rtol=0, atol=1e-12)
    torch.testing.assert_close(log_slope[0], log_slope[1], rtol=0, atol=1e-10)


def test_inverse_of_strong_splines():
    knots = Knots.of(*(3 * normal(k, 200, 8) for k in range(3)))
    x = math.pi * (2 * torch.rand(200, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1)
    y, log_slope = spline(x, knots)
    back, same = inverse_spline(y, knots)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-7)
    torch.testing.assert_close(same, log_slope, rtol=0, atol=1e-5)
    assert (y.abs() <= math.pi + 1e-12).all()


def test_densities_depend_on_angles_as_such():
    """An angle that conditions may be counted from any number of turns."""
    bijector, z = MAPS["spline"](), points(4)
    turned = z.clone()
    turned[:, 3] += 2 * math.pi
    torch.testing.assert_close(bijector(turned)[1], bijector(z)[1], rtol=0, atol=1e-10)
