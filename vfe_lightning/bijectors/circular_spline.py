r"""Monotonic rational-quadratic splines of the circle on itself, for torsions.

Durkan, Bekasov, Murray & Papamakarios, NeurIPS (2019); on circles Rezende et al., ICML (2020). Angles are in
[-pi, pi]; the slopes at both ends are equal, so that densities are smooth across.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from vfe_lightning.bijectors.affine_coupling import Conditioner
from vfe_lightning.bijectors.bijector import Bijector

LEAST = 1e-3  # share of a bin of the circle, and slope
UNIT_SLOPE = math.log(math.expm1(1 - LEAST))  # softplus of it, and the least slope, are one


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

    def _knots(self, flat: Tensor) -> "Knots":
        raw = self.conditioner(flat).view(len(flat), len(self.moved), 3, self.bins)
        return Knots.of(*raw.unbind(dim=2))


class Knots(NamedTuple):
    """Where a spline passes, and with which slope: (..., bins + 1) each, angles in [-pi, pi]."""

    x: Tensor
    y: Tensor
    slope: Tensor

    @classmethod
    def of(cls, widths: Tensor, heights: Tensor, slopes: Tensor) -> "Knots":
        """From free numbers, (..., bins) each; zeros are the identity."""
        slope = LEAST + softplus(slopes + UNIT_SLOPE)
        return cls(_steps(widths), _steps(heights), torch.cat([slope, slope[..., :1]], dim=-1))

    def around(self, index: Tensor) -> tuple[Tensor, ...]:
        """x, width, y, height and both slopes of the bin of each angle: (...) each."""
        low, high = index[..., None], index[..., None] + 1
        x, y, slope = self
        x0, y0, d0 = (t.gather(-1, low)[..., 0] for t in self)
        x1, y1, d1 = (t.gather(-1, high)[..., 0] for t in (x, y, slope))
        return x0, x1 - x0, y0, y1 - y0, d0, d1


def spline(x: Tensor, knots: Knots) -> tuple[Tensor, Tensor]:
    """y of x and ln dy/dx, (...) each: Durkan et al., equations 4 and 5."""
    x0, width, y0, height, d0, d1 = knots.around(_bin(x, knots.x))
    s = height / width
    u = ((x - x0) / width).clamp(0, 1)
    mixed = u * (1 - u)
    below = s + (d1 + d0 - 2 * s) * mixed
    y = y0 + height * (s * u * u + d0 * mixed) / below
    above = d1 * u * u + 2 * s * mixed + d0 * (1 - u) ** 2
    return y, 2 * s.log() + above.log() - 2 * below.log()


def inverse_spline(y: Tensor, knots: Knots) -> tuple[Tensor, Tensor]:
    """x of y and ln dy/dx at x, (...) each: Durkan et al., equations 6 to 8."""
    x0, width, y0, height, d0, d1 = knots.around(_bin(y, knots.y))
    s = height / width
    v = (y - y0).clamp(min=0)
    bend = d1 + d0 - 2 * s
    a = height * (s - d0) + v * bend
    b = height * d0 - v * bend
    c = -s * v
    root = (b * b - 4 * a * c).clamp(min=0).sqrt()
    u = (2 * c / (-b - root)).clamp(0, 1)
    x = x0 + u * width
    mixed = u * (1 - u)
    above = d1 * u * u + 2 * s * mixed + d0 * (1 - u) ** 2
    return x, 2 * s.log() + above.log() - 2 * (s + bend * mixed).log()


def _steps(free: Tensor) -> Tensor:
    """Increasing angles from -pi to pi: (..., bins) -> (..., bins + 1)."""
    shares = LEAST + (1 - LEAST * free.shape[-1]) * free.softmax(dim=-1)
    inner = 2 * math.pi * shares.cumsum(dim=-1)[..., :-1] - math.pi
    end = torch.full_like(inner[..., :1], math.pi)
    return torch.cat([-end, inner, end], dim=-1)


def _bin(x: Tensor, knots: Tensor) -> Tensor:
    """The bin of each angle: (...) of (..., bins + 1)."""
    inside = (x[..., None] >= knots[..., 1:-1]).sum(dim=-1)
    return inside.clamp(0, knots.shape[-1] - 2)
