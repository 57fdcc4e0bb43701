r"""Second-order Taylor coefficients of a map and its Jacobian along directions, by nested forward mode.

For x(t) = x + t v: zeta', zeta'' and J', J'' at t = 0 from `jac` alone, the fallback for flows without a
hand-derived jet.  One random +-1 direction makes Hutchinson's estimator of a Laplacian, all unit directions
the forward Laplacian.  No reverse mode and no determinant inside: torch gets second derivatives of ln|det J|
wrong when the modes are mixed (pytorch #192540), so determinants are differentiated in closed form outside.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import jvp


class DirectionalJet(NamedTuple):
    """A map and its Jacobian with their first and second derivatives along a direction."""

    zeta: Tensor  # (batch, n, dim)
    zeta_first: Tensor
    zeta_second: Tensor
    jacobian: Tensor  # (batch, D, D)
    jacobian_first: Tensor
    jacobian_second: Tensor


def directional_jet(
    jac: Callable[[Tensor], tuple[Tensor, Tensor]], x: Tensor, direction: Tensor
) -> DirectionalJet:
    """Taylor coefficients of jac: x -> (zeta, J) at x along direction, both (batch, n, dim)."""
    # forward mode cannot write tangents onto inference tensors
    with torch.inference_mode(False), torch.no_grad():
        x, direction = x.clone(), direction.clone()

        def first(y: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
            value, slope, *_ = jvp(jac, (y,), (direction,))
            return value, slope

        (value, slope), (_, curvature), *_ = jvp(first, (x,), (direction,))
    return DirectionalJet(value[0], slope[0], curvature[0], value[1], slope[1], curvature[1])
