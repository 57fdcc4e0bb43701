"""Stretch and shift of every coordinate."""

import math

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.bijector import Bijector


class Affine(Bijector):
    """x = exp(log_scale) z + shift, with a log_scale and a shift that broadcast to one sample.

    Args:
        shape: of log_scale and shift; () is one number for all coordinates.
        scale: the first one.
        shift: the first one; None is none for ever, and the map is odd.
    """

    def __init__(self, shape: tuple[int, ...] = (), scale: float = 1.0, shift: float | None = 0.0) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.full(shape, math.log(scale), dtype=torch.float64))
        self.shift = None if shift is None else nn.Parameter(torch.full(shape, shift, dtype=torch.float64))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x = z * self.log_scale.exp()
        return x if self.shift is None else x + self.shift, self._log_det(z)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = x if self.shift is None else x - self.shift
        return z * (-self.log_scale).exp(), -self._log_det(x)

    def _log_det(self, z: Tensor) -> Tensor:
        return self.log_scale.expand(z.shape).flatten(1).sum(dim=1)
