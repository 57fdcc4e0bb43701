"""Functions of points times sums over the others: values and derivatives against autograd."""

from typing import Any

import pytest
import torch
from noise import normal
from torch import Tensor
from torch.func import hessian, jacrev

from vfe_lightning.calculus.coupled_points import Points, coupled
from vfe_lightning.calculus.forward_laplacian import Field, composed, coordinates
from vfe_lightning.calculus.local_jet import local_coordinates

POINTS, CHANNELS = 4, 5
A, B = normal(1, 2, CHANNELS, 3), normal(2, 2, CHANNELS, 3)
OTHERS = normal(0, 2, POINTS, POINTS) * (1 - torch.eye(POINTS, dtype=torch.float64))
MIXED = normal(5, POINTS, POINTS)
every_kind = pytest.mark.parametrize("kinds", [1, 2])


def waves(x: Any, k: Tensor) -> Any:
    """sin(k . x) of each point: k (f, q, 3), x (batch, 3, points)."""
    if isinstance(x, Tensor):
        return torch.einsum("fqc,bcn->bfqn", k, x).sin()
    phase = type(x)(*(torch.einsum("fqc,...cn->...fqn", k, t) for t in x))
    return composed(phase, [phase.value.sin(), phase.value.cos(), -phase.value.sin()])


def told(x: Field, kinds: int) -> Field:
    alone = x if isinstance(x, Tensor) else local_coordinates(x.value)
    return coupled(waves(alone, A), waves(alone, B[:kinds]), OTHERS[:kinds], Points.of(x))


@every_kind
def test_values_are_sums_over_the_others(kinds: int) -> None:
    x = normal(3, 2, 3, POINTS)
    expected = torch.einsum("bfqi,kij,bkqj->bfi", waves(x, A), OTHERS[:kinds], waves(x, B[:kinds]))
    torch.testing.assert_close(told(x, kinds), expected)


@every_kind
def test_derivatives_are_those_of_autograd(kinds: int) -> None:
    """In coordinates that the points are no linear functions of."""

    def plain(z: Tensor) -> Tensor:
        z = z.view(1, 3, POINTS)
        return told(z * z + z @ MIXED, kinds).flatten()

    y = normal(4, 2, 3, POINTS)
    placed = coordinates(y)
    found = told(placed * placed + placed @ MIXED, kinds)
    for one, at in enumerate(y.flatten(1)):
        laplacian = torch.diagonal(hessian(plain)(at), dim1=1, dim2=2).sum(-1)
        torch.testing.assert_close(found.value[one].flatten(), plain(at))
        torch.testing.assert_close(found.gradient[:, one].flatten(1).T, jacrev(plain)(at))
        torch.testing.assert_close(found.laplacian[one].flatten(), laplacian)
