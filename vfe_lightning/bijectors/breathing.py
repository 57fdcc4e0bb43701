r"""One trainable factor on all distances from the centre of mass R, x = R + e^lambda (y - R).

The slope of the energy in lambda is minus the virial of the relative motion, 2 K - 2 V_trap + V_Coulomb in
a trap: where lambda is optimal, the virial theorem holds. Positions are (batch, dim, n).
"""

import math

import torch
from torch import Tensor, nn

from vfe_lightning.calculus.forward_laplacian import Field


class Breathing(nn.Module):
    """Its parameter may carry a leading walker axis."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale), dtype=torch.float64))

    def stretched(self, y: Tensor) -> Tensor:
        return y @ self._matrix(y.shape[-1], 1)

    def shrunk(self, x: Field, n: int) -> Field:
        """The inverse, of plain positions of n electrons or of traced ones."""
        return x @ self._matrix(n, -1)

    def log_det(self, x: Tensor) -> Tensor:
        """ln|det dx/dy|, (batch,), at x (batch, dim, n)."""
        _, dim, n = x.shape
        return (dim * (n - 1) * self.log_scale).expand(len(x))

    def _matrix(self, n: int, sign: int) -> Tensor:
        one = torch.eye(n, dtype=self.log_scale.dtype, device=self.log_scale.device)
        return one + torch.expm1(sign * self.log_scale)[..., None, None] * (one - 1 / n)
