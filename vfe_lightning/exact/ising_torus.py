r"""Ising models on periodic square and triangular lattices of finite size, in closed form.

With K_1, K_2 along the axes and K_3 along the diagonal, c_i = cosh 2 K_i, s_i = sinh 2 K_i and

$$ D_{ab} = c_1 c_2 c_3 + s_1 s_2 s_3 - s_1 \cos p - s_2 \cos q - s_3 \cos(p + q) $$

at p = 2 pi (n + a) / L and q = 2 pi (m + b) / M, the four boundary conditions of free fermions give

$$ Z = 2^{LM - 1} [ P_{\frac12 \frac12} + P_{\frac12 0} + P_{0 \frac12} \mp P_{00} ], \quad
   P = \prod_{nm} \sqrt{D}. $$

K_3 = 0 is Kaufman, Phys. Rev. 76, 1232 (1949); the triangular lattice, Houtappel, Physica 16, 425 (1950).
The root of D_00 at p = q = 0, with its sign, is (1 - sum t_i - sum t_i t_j + t_1 t_2 t_3) prod cosh K_i
with t = tanh K, so that Z and its derivatives are smooth through the critical point. At any temperature D
is exp(2 sum K) times a polynomial of x_i = exp(-2 K_i) that is of order one.

All K >= 0, or the isotropic triangular antiferromagnet; mixed signs are wrong in this formula.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.result import Reference

HALVES = ((1, 1), (1, 0), (0, 1), (0, 0))  # 2a and 2b of the sectors; the last one has the root
Factors = Callable[[Tensor, Tensor], Tensor]  # ln D / e^(2 sum K) at angles in units of pi / L and pi / M


def square(L: int, beta: float, J: float = 1.0) -> Reference:
    """F, E, S and C of the L x L square lattice, periodic.

    Raises:
        ValueError: an antiferromagnet with odd L, which is frustrated at the seam.
    """
    if J < 0 and L % 2:
        raise ValueError(f"L = {L} is odd: the periodic square antiferromagnet has no closed form here")
    return _reference(lambda k: _ferromagnet(L, L, (k, k, 0 * k)), L, abs(J), beta, 2)


def triangular(L: int, beta: float, J: float = 1.0) -> Reference:
    """F, E, S and C of the L x L triangular lattice, periodic; L even if J < 0.

    Raises:
        ValueError: an antiferromagnet with odd L.
    """
    if J >= 0:
        return _reference(lambda k: _ferromagnet(L, L, (k, k, k)), L, J, beta, 3)
    if L % 2:
        raise ValueError(f"L = {L} is odd: the triangular antiferromagnet needs an even L here")
    return _reference(lambda k: _antiferromagnet(L, k), L, -J, beta, 1)


def log_partition(L: int, M: int, K: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """ln Z of the L x M torus with couplings beta J along two axes and one diagonal: ().

    Raises:
        ValueError: a negative coupling.
    """
    if any(k < 0 for k in K):
        raise ValueError("the couplings of the torus formula must not be negative")
    factors, root = _ferromagnet(L, M, K)
    logs = torch.stack([0.5 * f.sum() for f in factors])
    highest = logs.max().detach()
    signs = torch.stack([torch.ones_like(root)] * 3 + [-root])
    total = (signs * (logs - highest).exp()).sum()
    return L * M * (K[0] + K[1] + K[2]) + (L * M - 1) * math.log(2) + highest + total.log()


def _ferromagnet(L: int, M: int, K: tuple[Tensor, Tensor, Tensor]) -> tuple[list[Tensor], Tensor]:
    """ln D of each sector, (points,), and the root, over their powers of e^(sum K)."""
    x1, x2, x3 = (torch.exp(-2 * k) for k in K)
    one, two, three = (_one_less(4 * k) / 2 * y for k, y in zip(K, (x2 * x3, x1 * x3, x1 * x2), strict=True))
    constant = (1 + (x1 * x2).square() + (x2 * x3).square() + (x3 * x1).square()) / 4

    def factors(a: Tensor, b: Tensor) -> Tensor:
        p, q = math.pi * a / L, math.pi * b / M
        return (constant - one * p.cos() - two * q.cos() - three * (p + q).cos()).log()

    return _sectors(L, M, factors), (x1 * x2 + x2 * x3 + x3 * x1 - 1) / 2


def _antiferromagnet(L: int, K: Tensor) -> tuple[list[Tensor], Tensor]:
    """The same of the isotropic triangular lattice at -K < 0, over powers of e^K: nothing cancels."""
    x = torch.exp(-4 * K)
    flat = ((3 + x) / 4).log() - 4 * K  # ln D where the band is zero

    def factors(a: Tensor, b: Tensor) -> Tensor:
        p, q = math.pi * a / L, math.pi * b / L
        band = (1 + p.cos() + q.cos()).square() + (p.sin() - q.sin()).square()
        zero = (a == b) & ((3 * a == 2 * L) | (3 * a == 4 * L))  # p = q = 2 pi / 3, which is no double
        others = x * (3 + x) / 4 + _one_less(4 * K) / 4 * band[~zero]
        return torch.cat([others.log(), flat.expand(int(zero.sum()))])

    return _sectors(L, L, factors), (3 - x) / 2


def _one_less(y: Tensor) -> Tensor:
    """1 - exp(-y): the derivative of expm1 is expm1 + 1, whose rounding is no small heat capacity."""
    return torch.where(y < 0.5, -torch.expm1(-y), 1 - (-y).exp())


def _sectors(L: int, M: int, factors: Factors) -> list[Tensor]:
    found = []
    for first, second in HALVES:
        a, b = (torch.arange(shift, 2 * n, 2).double() for shift, n in ((first, L), (second, M)))
        pairs = torch.cartesian_prod(a, b)[0 if first or second else 1 :]
        found.append(factors(*pairs.unbind(dim=1)))
    return found


def _reference(
    at: Callable[[Tensor], tuple[list[Tensor], Tensor]], L: int, J: float, beta: float, satisfied: int
) -> Reference:
    """From the sectors and their first two derivatives.

    Args:
        at: K = beta J -> ln D of the sectors and the root, over e^(2 K satisfied) and its root.
        satisfied: bonds a site in the ground state, less those that are not.
    """
    K, one = torch.tensor(beta * J, dtype=torch.float64), torch.ones((), dtype=torch.float64)

    def derivatives(k: Tensor) -> tuple:
        return torch.func.jvp(at, (k,), (one,))

    jets = torch.func.jvp(derivatives, (K,), (one,))
    ((factors, root), (slopes, root_slope)), (_, (curves, root_curve)) = jets[:2]
    k, sites = K.item(), L * L
    # what multiplies a sector, with K d/dK and K^2 d^2/dK^2 of it
    heads = [(1.0, 0.0, 0.0)] * 3 + [(-root.item(), -k * root_slope.item(), -k * (k * root_curve.item()))]
    logs = [0.5 * f.sum().item() for f in factors]
    highest = max(logs)
    weights = [math.exp(log - highest) for log in logs]
    firsts = [0.5 * k * s.sum().item() if w else 0.0 for s, w in zip(slopes, weights, strict=True)]
    value = sum(w * h[0] for w, h in zip(weights, heads, strict=True))
    rise = sum(w * (h[1] + h[0] * g) for w, h, g in zip(weights, heads, firsts, strict=True)) / value
    spread, errors = 0.0, [0.0, 0.0, 0.0]
    for weight, head, g, f, d1, d2 in zip(weights, heads, firsts, factors, slopes, curves, strict=True):
        if not weight:
            continue
        apart = g - rise  # from the mean, whose square would cancel
        second = 0.5 * k * (k * d2.sum().item()) + apart * apart
        spread += weight * (head[2] + 2 * head[1] * apart + head[0] * second) / value
        rounding, steep = 2 * EPSILON * (1 + (-f).exp()), 1 + k * d1.abs()
        size = weight * (1 + sum(map(abs, head))) / value
        for order in range(3):
            of_factors = (rounding * steep**order).sum().item() + EPSILON * (1 + abs(g))
            errors[order] += size * of_factors * (1 + abs(apart)) ** order
    log_z = (sites - 1) * math.log(2) + highest + math.log(value)
    log_error = errors[0] + 4 * EPSILON * sites
    rise_error = errors[1]
    heat_capacity_error = errors[2] + errors[0] * abs(spread)
    ground = -J * satisfied * sites
    return Reference(
        ground - log_z / beta,
        ground - rise / beta,
        log_z - rise,
        spread,
        free_energy_error=log_error / beta + 2 * EPSILON * abs(ground),
        energy_error=rise_error / beta + 2 * EPSILON * abs(ground),
        entropy_error=log_error + rise_error,
        heat_capacity_error=heat_capacity_error,
    )
