r"""Functions of single points, which are functions of many coordinates: derivatives, carried on at the end.

$$ \partial_m f = \sum_a f_a \, \partial_m x_a, \qquad
   \Delta f = \sum_a f_a \, \Delta x_a + \sum_{ab} f_{ab} \sum_m \partial_m x_a \, \partial_m x_b $$
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from vfe_lightning.calculus.forward_laplacian import Field, Traced
from vfe_lightning.calculus.local_jet import FIRST, SECOND, Local, local_coordinates

MANY = 24  # coordinates in all; of fewer, their derivatives are as few as the ten at a point


def each_alone(function: Callable[[Any], Sequence[Any]], x: Field) -> Sequence[Field]:
    """Functions of each point, (batch, ..., points), at x (batch, 3, points), plain or with derivatives."""
    if isinstance(x, Tensor) or len(x.gradient) < MANY or isinstance(x, Local):
        return function(x)
    slopes, curved = x.gradient.unbind(2), curvature(x)
    return [carried(f, slopes, curved) for f in function(local_coordinates(x.value))]


def carried(f: Local, slopes: Sequence[Tensor], curved: Sequence[Tensor]) -> Traced:
    """Functions of each point (batch, ..., points) with derivatives in all coordinates.

    Args:
        slopes: of the three coordinates of each point, (D, batch, points).
        curved: see `curvature`.
    """
    between = (1,) * (f.value.dim() - 2)

    def summed(derivatives: Iterable[Tensor], of_x: Sequence[Tensor]) -> Tensor:
        spread = [t.view(*t.shape[:-1], *between, t.shape[-1]) for t in of_x]
        return torch.as_tensor(sum(d * t for d, t in zip(derivatives, spread, strict=True)))

    return Traced(f.value, summed(f.gradient, slopes), summed([*f.gradient, *f.hessian], curved))


def curvature(x: Traced) -> list[Tensor]:
    """What the three slopes and six bends of a function of a point have in its Laplacian: (batch, points)."""
    slopes = x.gradient.unbind(2)
    products = [
        (slopes[a] * slopes[b]).sum(0) * (1 if a == b else 2) for a, b in zip(FIRST, SECOND, strict=True)
    ]
    return [*x.laplacian.unbind(1), *products]
