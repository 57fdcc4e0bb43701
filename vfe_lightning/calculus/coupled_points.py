r"""Functions of one point times sums of those of the others, with their derivatives in many coordinates.

$$ f(i) = \sum_q a_q(x_i) \, c_q(i), \qquad c_q(i) = \sum_j w_{ij} \, b_q(x_j), \qquad w_{ii} = 0 . $$

The Jacobian of f in the points is a few matrix products however many q there are, so that neither a nor c is
ever carried with derivatives in all coordinates.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vfe_lightning.calculus.chain_rule import carried, curvature
from vfe_lightning.calculus.forward_laplacian import Field, Traced
from vfe_lightning.calculus.local_jet import Local


class Points(NamedTuple):
    """What derivatives at points that are carried with derivatives need of these."""

    slopes: tuple[Tensor, ...]  # of the three coordinates of each point, (D, batch, points)
    curved: list[Tensor]  # see `curvature`
    jacobian: Tensor  # (batch, 3 points, D)
    metric: Tensor  # (batch, 3 points, 3 points): products of the slopes

    @classmethod
    def of(cls, x: Field) -> "Points | None":
        """At x (batch, 3, points); None where they are plain."""
        if not isinstance(x, Traced):
            return None
        jacobian = x.gradient.permute(1, 2, 3, 0).flatten(1, 2)
        return cls(x.gradient.unbind(2), curvature(x), jacobian, jacobian @ jacobian.mT)


def coupled(a: Tensor | Local, b: Tensor | Local, weights: Tensor, at: Points | None) -> Tensor | Traced:
    """f at points, plain or with derivatives: (batch, f, points).

    Args:
        a: (batch, f, q, points), plain or with derivatives in the coordinates of its own point.
        b: (batch, kinds, q, points), likewise.
        weights: w of each kind, (kinds, points, points).
    """
    if at is None:
        assert isinstance(a, Tensor) and isinstance(b, Tensor)
        return (a * _others(b, weights)[:, None]).sum(2)
    assert isinstance(a, Local) and isinstance(b, Local)
    others = _others(b.value, weights)[:, None]
    own = carried(Local(*((t * others).sum(-2) for t in a)), at.slopes, at.curved)
    f, n = a.value.shape[1::2]
    # derivatives of f(i) in the coordinates c of other points j: (batch, f i, c j)
    of_b = b.gradient.permute(1, 2, 3, 0, 4)  # (batch, kinds, q, c, j)
    rows = a.value.transpose(2, 3).flatten(1, 2)
    of_others = _masked(rows, of_b, weights)
    gradient = (of_others @ at.jacobian).unflatten(1, (f, n)).permute(3, 0, 1, 2)
    # a grad . grad c, by products of the coordinates of i and j
    rows = a.gradient.permute(1, 2, 0, 4, 3).flatten(1, 3)  # (batch, f c i, q)
    mixed = _masked(rows, of_b, weights).unflatten(1, (f, 3 * n))
    crossed = (mixed * at.metric[:, None]).sum(-1).unflatten(2, (3, n)).sum(2)
    bent = (a.value * _others(_laplacian(b, at.curved), weights)[:, None]).sum(2)
    return Traced(own.value, own.gradient + gradient, own.laplacian + 2 * crossed + bent)


def at_points(f: Tensor | Local, at: Points | None) -> Tensor | Traced:
    """Functions of each point alone, (batch, ..., points), with derivatives where points have them."""
    if at is None:
        assert isinstance(f, Tensor)
        return f
    assert isinstance(f, Local)
    return carried(f, at.slopes, at.curved)


def _others(b: Tensor, weights: Tensor) -> Tensor:
    """c: (batch, kinds, q, points) -> (batch, q, points)."""
    return (b @ weights.mT).sum(1)


def _masked(rows: Tensor, of_b: Tensor, weights: Tensor) -> Tensor:
    """sum_q rows of points i times slopes of b at points j, with w: (batch, ... i, 3 j)."""
    n = weights.shape[-1]
    total = rows.new_zeros(())
    for kind, w in enumerate(weights):
        found = (rows @ of_b[:, kind].flatten(2)).unflatten(1, (-1, n)).unflatten(3, (3, n))
        total = total + found * w[:, None]
    return total.flatten(3).flatten(1, 2)


def _laplacian(b: Local, curved: Sequence[Tensor]) -> Tensor:
    """Of functions of each point alone, in all coordinates."""
    parts = zip([*b.gradient, *b.hessian], curved, strict=True)
    return torch.stack([d * t[:, None, None] for d, t in parts]).sum(0)
