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
    step = shares.softmax(dim=1) * (2 * half * (1 - LEAST * shares.shape[1])) + 2 * half * LEAST
    inner = step[:, :-1].cumsum(dim=1) - half
    end = torch.full_like(inner[:, :1], half)
    slope = LEAST + softplus(slopes + UNIT_SLOPE)
    return torch.cat([torch.cat([-end, inner, end], dim=1), slope[None]])


def spline(x: Tensor, knots: Tensor) -> tuple[Tensor, Tensor]:
    """y of x in the interval and ln dy/dx, (...) each: equations 4 and 5."""
    (x0, y0, d0), (width, height), s, bend = _bin(x, knots[0], knots)
    u = ((x - x0) / width).clamp(0, 1)
    mixed = u * (1 - u)
    y = y0 + height * (s * u * u + d0 * mixed) / (s + bend * mixed)
    return y, _log_slope(u, mixed, d0, s, bend)


def inverse_spline(y: Tensor, knots: Tensor) -> tuple[Tensor, Tensor]:
    """x of y in the interval and ln dy/dx at x, (...) each: equations 6 to 8."""
    (x0, y0, d0), (width, height), s, bend = _bin(y, knots[1], knots)
    v = ((y - y0) / height).clamp(0, 1)
    a = s - d0 + v * bend
    b = d0 - v * bend
    u = (2 * s * v / (b + (b * b + 4 * a * s * v).clamp(min=0).sqrt())).clamp(0, 1)
    return x0 + u * width, _log_slope(u, u * (1 - u), d0, s, bend)


def with_tails(x: Tensor, knots: Tensor, half: float, inverse: bool = False) -> tuple[Tensor, Tensor]:
    """The spline of [-half, half], or its inverse, of any x, where the slopes at both ends are 1."""
    inside = x.clamp(-half, half)
    y, log_slope = (inverse_spline if inverse else spline)(inside, knots)
    return y + (x - inside), log_slope


def _bin(x: Tensor, edges: Tensor, knots: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of the bin of each x: its lower knot (3, ...), its sizes (2, ...), mean slope, and d0 + d1 - 2 s."""
    low = (x >= edges[1:-1]).sum(dim=0)
    lower, upper = knots.gather(1, torch.stack([low, low + 1]).expand(3, -1, *x.shape)).unbind(dim=1)
    sizes = upper[:2] - lower[:2]
    s = sizes[1] / sizes[0]
    return lower, sizes, s, lower[2] + upper[2] - 2 * s


def _log_slope(u: Tensor, mixed: Tensor, d0: Tensor, s: Tensor, bend: Tensor) -> Tensor:
    # d1 u^2 + 2 s u (1 - u) + d0 (1 - u)^2 over the square of s + bend u (1 - u), times s^2
    above = d0 + u * (2 * (s - d0) + u * bend)
    return (above * (s / (s + bend * mixed)).square()).log()
