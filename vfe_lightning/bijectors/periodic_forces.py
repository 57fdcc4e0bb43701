r"""Forces between particles in a periodic cube, smooth across its sides, with their divergence.

For a difference d of two positions in a cube of side L, with kappa = pi / L,

$$ y_a = \frac{\sin 2 \kappa d_a}{2 \kappa}, \qquad
   \rho^2 = b^2 + \sum_a \frac{\sin^2 \kappa d_a}{\kappa^2}, \qquad \nabla \rho = y / \rho, $$

and a force eta(rho) y has the divergence eta sum_a cos 2 kappa d_a + eta' y^2 / rho.
"""

import math
from typing import Generic, NamedTuple

import torch
from torch import Tensor

from vfe_lightning.calculus.forward_laplacian import Field, composed, less, value_of


class Distances(NamedTuple, Generic[Field]):
    """Of many pairs, plain or with derivatives."""

    y: Field  # (batch, 3, pairs)
    rho: Field  # (batch, pairs)
    inverse: Field  # 1 / rho
    cosines: Field  # (batch, pairs): div y
    radial: Field  # (batch, pairs): y . grad rho

    def force(self, eta: Field, slope: Field) -> tuple[Field, Field]:
        """eta y and its divergence, (batch, 3, pairs) and (batch, pairs), of eta and d eta / d rho."""
        return self.y * eta.unsqueeze(-2), eta * self.cosines + slope * self.radial


def periodic(d: Tensor, length: float) -> tuple[list[Tensor], list[Tensor]]:
    """y = sin 2 kappa d / 2 kappa and (sin kappa d / kappa)^2 of components, with derivatives in d."""
    k = math.pi / length
    sin, cos = torch.sin(k * d), torch.cos(k * d)
    y, turned = sin * cos / k, cos.square() - sin.square()
    return [y, turned, -4 * k**2 * y, -4 * k**2 * turned], [(sin / k).square(), 2 * y, 2 * turned]


def distances(d: Field, length: float, softness: float = 0.0) -> Distances[Field]:
    """Of differences (batch, 3, pairs); softness is b, without which rho has a kink at zero."""
    k, (along, squares) = math.pi / length, periodic(value_of(d), length)
    y, turned = along[:2]
    square = composed(d, squares).sum(-2)
    of_y = composed(d, [y.square(), 2 * y * turned, 2 * turned.square() - 8 * (k * y).square()]).sum(-2)
    rho = (value_of(square) + softness**2).sqrt()
    inverse = composed(square, [rho.reciprocal(), -0.5 / rho**3, 0.75 / rho**5])
    return Distances(
        composed(d, along),
        composed(square, [rho, 0.5 / rho, -0.25 / rho**3]),
        inverse,
        less(square * (-2 * k**2), rho.new_full((), -3.0)),
        of_y * inverse,
    )
