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
        shifted: whether there is a shift; without it the map is odd.
    """

    def __init__(self, shape: tuple[int, ...] = (), scale: float = 1.0, shifted: bool = True) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.full(shape, math.log(scale), dtype=torch.float64))
        self.shift = nn.Parameter(torch.zeros(shape, dtype=torch.float64)) if shifted else None

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x = z * self.log_scale.exp()
        return x if self.shift is None else x + self.shift, self._log_det(z)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = x if self.shift is None else x - self.shift
        return z * (-self.log_scale).exp(), -self._log_det(x)

    def _log_det(self, z: Tensor) -> Tensor:
        return self.log_scale.expand(z.shape).flatten(1).sum(dim=1)
