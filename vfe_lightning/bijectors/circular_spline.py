r"""Monotonic rational-quadratic splines of the circle on itself, for torsions.

Durkan, Bekasov, Murray & Papamakarios, NeurIPS (2019); on circles Rezende et al., ICML (2020). Angles are in
[-pi, pi]; the slopes at both ends are equal, so that densities are smooth across.
"""

import math

import torch
from torch import Tensor

from vfe_lightning.bijectors.affine_coupling import Conditioner
from vfe_lightning.bijectors.bijector import Bijector
from vfe_lightning.bijectors.rational_quadratic import inverse_spline, knots_of, spline


class NormalToCircle(Bijector):
    """Some coordinates from the normal to the uniform density on [-pi, pi]; samples are (batch, size)."""

    circular: Tensor

    def __init__(self, circular: Tensor) -> None:
        super().__init__()
        self.register_buffer("circular", circular.nonzero()[:, 0], persistent=False)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        t = z[:, self.circular]
        angle = 2 * math.pi * torch.special.ndtr(t) - math.pi
        log_det = 0.5 * (math.log(2 * math.pi) - t.square()).sum(dim=1)
        return z.index_copy(1, self.circular, angle), log_det

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        share = (x[:, self.circular] + math.pi) / (2 * math.pi)
        t = torch.special.ndtri(share.clamp(1e-15, 1 - 1e-15))
        log_det = 0.5 * (math.log(2 * math.pi) - t.square()).sum(dim=1)
        return x.index_copy(1, self.circular, t), -log_det


class Standardized(Bijector):
    """x = mean + width z with fixed numbers of each coordinate, (size,).

    Args:
        angles: which coordinates have a period of 2 pi, (size,) of bool; they are taken next to the mean.
    """

    mean: Tensor
    width: Tensor
    angles: Tensor

    def __init__(self, mean: Tensor, width: Tensor, angles: Tensor) -> None:
        super().__init__()
        self.register_buffer("angles", angles, persistent=False)
        self.register_buffer("mean", mean)
        self.register_buffer("width", width)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self.mean + self.width * z, self.width.log().sum().expand(len(z))

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        away = x - self.mean
        return torch.where(self.angles, wrapped(away), away) / self.width, -self.width.log().sum().expand(
            len(x)
        )


def wrapped(angle: Tensor) -> Tensor:
    """The same angle in [-pi, pi), elementwise."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


class CircularSplineCoupling(Bijector):
    """Angles that are moved by splines of all other coordinates; samples are (batch, size).

    Args:
        moved: which coordinates are moved, all of them angles, (size,) of bool.
        circular: which coordinates are angles, (size,) of bool.
        width: hidden units of each of the two hidden layers.
        bins: of each spline.
    """

    moved: Tensor

    def __init__(self, moved: Tensor, circular: Tensor, width: int, bins: int) -> None:
        super().__init__()
        self.register_buffer("moved", moved.nonzero()[:, 0], persistent=False)
        self.bins = bins
        self.conditioner = Conditioner(~moved, circular, width, 3 * bins * len(self.moved))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        knots = self._knots(z)
        angles, log_slope = spline(z[:, self.moved], knots)
        return z.index_copy(1, self.moved, angles), log_slope.sum(dim=1)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        knots = self._knots(x)
        angles, log_slope = inverse_spline(x[:, self.moved], knots)
        return x.index_copy(1, self.moved, angles), -log_slope.sum(dim=1)

    def _knots(self, flat: Tensor) -> Tensor:
        raw = self.conditioner(flat).view(len(flat), len(self.moved), 3, self.bins).permute(2, 3, 0, 1)
        return knots_of(raw[:2], torch.cat([raw[2], raw[2, :1]]), math.pi)
