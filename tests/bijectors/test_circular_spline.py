"""Splines of the circle: bijective, smooth across the seam, with the Jacobian that autograd finds."""

import math

import pytest
import torch
from noise import normal, stirred
from torch.func import jacrev

from vfe_lightning.bijectors.affine_coupling import AffineCoupling
from vfe_lightning.bijectors.circular_spline import CircularSplineCoupling, NormalToCircle, Standardized

CIRCULAR = torch.tensor([False, False, True, True, True])
MOVED = torch.tensor([False, False, True, False, True])


def points(batch):
    lines, angles = normal(0, batch, 2), normal(1, batch, 3)
    return torch.cat([lines, 3 * torch.tanh(angles)], dim=1)


MAPS = {
    "spline": lambda: stirred(CircularSplineCoupling(MOVED, CIRCULAR, 8, 5), 0.5),
    "affine": lambda: stirred(
        AffineCoupling(torch.tensor([True, False, False, False, False]), 8, CIRCULAR), 0.5
    ),
    "to the circle": lambda: NormalToCircle(CIRCULAR),
    "standardized": lambda: Standardized(normal(2, 5), 0.3 * normal(3, 5).tanh().exp(), CIRCULAR),
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


def test_densities_depend_on_angles_as_such():
    """An angle that conditions may be counted from any number of turns."""
    bijector, z = MAPS["spline"](), points(4)
    turned = z.clone()
    turned[:, 3] += 2 * math.pi
    torch.testing.assert_close(bijector(turned)[1], bijector(z)[1], rtol=0, atol=1e-10)
