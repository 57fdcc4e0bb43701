"""The rules of the forward Laplacian against autograd, and the Runge-Kutta method against exact solutions."""

import math

import pytest
import torch
from torch import Tensor
from torch.func import jacfwd, jacrev

from vfe_lightning.calculus.forward_laplacian import coordinates, norm, reciprocal, tanh_and_slope
from vfe_lightning.calculus.runge_kutta import integrate


def formula(x):
    """Of (batch, 2, 3) coordinates, with every rule in it: plain tensors or traced ones."""
    mix = torch.linspace(-1, 1, 12, dtype=torch.float64).view(3, 4)
    d = x @ mix
    r = norm(d, -2, plus=0.5)
    tanh, slope = tanh_and_slope(r * 0.7)
    return (tanh * reciprocal(r) + slope - r * r * 0.1).unsqueeze(-2).unflatten(-1, (2, 2)).sum(-1)


def test_gradient_and_laplacian_equal_autograd() -> None:
    x = torch.randn(3, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    traced, plain = formula(coordinates(x)), formula(x)
    torch.testing.assert_close(traced.value, plain)

    def single(y: Tensor) -> Tensor:
        return formula(y.view(1, 2, 3))[0]

    for b, point in enumerate(x.flatten(1)):
        torch.testing.assert_close(traced.gradient[:, b], jacrev(single)(point).movedim(-1, 0))
        hessian = jacfwd(jacrev(single))(point)
        torch.testing.assert_close(traced.laplacian[b], torch.diagonal(hessian, dim1=-2, dim2=-1).sum(-1))


@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (1.0, 0.0)])
def test_runge_kutta_is_of_fourth_order_in_both_directions(start: float, end: float) -> None:
    """dy/dt = t y and dw/dt = y: exp(t^2 / 2), with the error falling sixteenfold a halving."""

    def slope(t, state):
        return [t * state[0], state[0]]

    first = torch.tensor([math.exp(start**2 / 2)], dtype=torch.float64)
    errors = []
    for steps in (16, 32, 64):
        y, w = integrate(slope, [first, torch.zeros(1, dtype=torch.float64)], start, end, steps)
        errors.append(abs(float(y) - math.exp(end**2 / 2)))
        integral = sum(1 / (2**k * math.factorial(k) * (2 * k + 1)) for k in range(20))
        assert float(w) == pytest.approx(math.copysign(integral, end - start), abs=1e-4)
    assert errors[1] < errors[0] / 12 and errors[2] < errors[1] / 12
