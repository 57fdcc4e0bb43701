r"""Monotonic rational-quadratic splines of an interval on itself, and of the line with slope 1 beyond it.

Durkan, Bekasov, Murray & Papamakarios, NeurIPS (2019). Knots are (3, bins + 1, ...): where a spline passes,
x and y, and with which slope.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

LEAST = 1e-3  # share of a bin of the interval, and slope
UNIT_SLOPE = math.log(math.expm1(1 - LEAST))  # softplus of it, and the least slope, are one


def knots_of(shares: Tensor, slopes: Tensor, half: float) -> Tensor:
    """Knots of a spline of [-half, half] from free numbers; zeros are the identity.

    Args:
        shares: of the bins in x and in y, (2, bins, ...).
        slopes: (bins + 1, ...).
    """
    share = LEAST + (1 - LEAST * shares.shape[1]) * shares.softmax(dim=1)
    inner = 2 * half * share[:, :-1].cumsum(dim=1) - half
    end = torch.full_like(inner[:, :1], half)
    slope = LEAST + softplus(slopes + UNIT_SLOPE)
    return torch.cat([torch.cat([-end, inner, end], dim=1), slope[None]])


def spline(x: Tensor, knots: Tensor) -> tuple[Tensor, Tensor]:
    """y of x in the interval and ln dy/dx, (...) each: equations 4 and 5."""
    x0, y0, d0, x1, y1, d1 = _around(x, knots[0], knots)
    width, height = x1 - x0, y1 - y0
    u = ((x - x0) / width).clamp(0, 1)
    return _curve(u, height / width, d0, d1, y0, height)


def inverse_spline(y: Tensor, knots: Tensor) -> tuple[Tensor, Tensor]:
    """x of y in the interval and ln dy/dx at x, (...) each: equations 6 to 8."""
    x0, y0, d0, x1, y1, d1 = _around(y, knots[1], knots)
    width, height = x1 - x0, y1 - y0
    s = height / width
    v = (y - y0).clamp(min=0)
    bend = d1 + d0 - 2 * s
    a = height * (s - d0) + v * bend
    b = height * d0 - v * bend
    c = -s * v
    u = (2 * c / (-b - (b * b - 4 * a * c).clamp(min=0).sqrt())).clamp(0, 1)
    return x0 + u * width, _curve(u, s, d0, d1, y0, height)[1]


def with_tails(x: Tensor, knots: Tensor, half: float, inverse: bool = False) -> tuple[Tensor, Tensor]:
    """The spline of [-half, half], or its inverse, of any x, where the slopes at both ends are 1."""
    inside = x.clamp(-half, half)
    y, log_slope = (inverse_spline if inverse else spline)(inside, knots)
    return y + (x - inside), log_slope


def _curve(u: Tensor, s: Tensor, d0: Tensor, d1: Tensor, y0: Tensor, height: Tensor) -> tuple[Tensor, Tensor]:
    mixed, square = u * (1 - u), u * u
    ratio = s / (s + (d1 + d0 - 2 * s) * mixed)
    y = y0 + height * (square + d0 * mixed / s) * ratio
    above = d1 * square + 2 * s * mixed + d0 * (1 - u).square()
    return y, (above * ratio.square()).log()


def _around(x: Tensor, edges: Tensor, knots: Tensor) -> tuple[Tensor, ...]:
    """x, y and slope of the knots to the left, then to the right of each x: (...) each."""
    low = (x >= edges[1:-1]).sum(dim=0).expand(3, 1, *x.shape)
    return *knots.gather(1, low)[:, 0], *knots.gather(1, low + 1)[:, 0]
