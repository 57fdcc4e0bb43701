r"""Ising models on periodic square and triangular lattices of finite size, in closed form.

With K_1, K_2 along the axes and K_3 along the diagonal, c_i = cosh 2 K_i, s_i = sinh 2 K_i and

$$ D_{ab} = c_1 c_2 c_3 + s_1 s_2 s_3 - s_1 \cos p - s_2 \cos q - s_3 \cos(p + q) $$

at p = 2 pi (n + a) / L and q = 2 pi (m + b) / M, the four boundary conditions of free fermions give

$$ Z = 2^{LM - 1} [ P_{\frac12 \frac12} + P_{\frac12 0} + P_{0 \frac12} \mp P_{00} ], \quad
   P = \prod_{nm} \sqrt{D}. $$

K_3 = 0 is Kaufman, Phys. Rev. 76, 1232 (1949); the triangular lattice, Houtappel, Physica 16, 425 (1950).
The root of D_00 at p = q = 0, with its sign, is (1 - sum t_i - sum t_i t_j + t_1 t_2 t_3) prod cosh K_i
with t = tanh K, so that Z and its derivatives are smooth through the critical point.

All K >= 0, or the isotropic triangular antiferromagnet; mixed signs are wrong in this formula.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vfe_lightning.result import Reference

SECTORS = ((0.5, 0.5), (0.5, 0.0), (0.0, 0.5), (0.0, 0.0))


@dataclass(frozen=True)
class Thermodynamics:
    """Totals of a finite lattice: F and E in units of |J|, S and the heat capacity in k_B."""

    free_energy: float
    energy: float
    entropy: float
    heat_capacity: float

    @property
    def reference(self) -> Reference:
        return Reference(self.free_energy, self.energy, self.entropy, self.heat_capacity)


def square(L: int, beta: float, J: float = 1.0) -> Thermodynamics:
    """The L x L square lattice, periodic.

    Raises:
        ValueError: an antiferromagnet with odd L, which is frustrated at the seam.
    """
    if J < 0 and L % 2:
        raise ValueError(f"L = {L} is odd: the periodic square antiferromagnet has no closed form here")
    return _thermodynamics(lambda b: log_partition(L, L, (abs(J) * b, abs(J) * b, 0 * b)), beta)


def triangular(L: int, beta: float, J: float = 1.0) -> Thermodynamics:
    """The L x L triangular lattice, periodic; L even if J < 0.

    Raises:
        ValueError: an antiferromagnet with odd L.
    """
    if J >= 0:
        return _thermodynamics(lambda b: log_partition(L, L, (J * b, J * b, J * b)), beta)
    if L % 2:
        raise ValueError(f"L = {L} is odd: the triangular antiferromagnet needs an even L here")
    return _thermodynamics(lambda b: _log_partition_antiferromagnet(L, -J * b), beta)


def log_partition(L: int, M: int, K: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """ln Z of the L x M torus with couplings beta J along two axes and one diagonal: ().

    Raises:
        ValueError: a negative coupling.
    """
    if any(k < 0 for k in K):
        raise ValueError("the couplings of the torus formula must not be negative")
    (c1, c2, c3), (s1, s2, s3), (t1, t2, t3) = (
        [f(a * k) for k in K] for f, a in ((torch.cosh, 2), (torch.sinh, 2), (torch.tanh, 1))
    )

    def d(p: Tensor, q: Tensor) -> Tensor:
        return c1 * c2 * c3 + s1 * s2 * s3 - s1 * p.cos() - s2 * q.cos() - s3 * (p + q).cos()

    root = 1 - t1 - t2 - t3 - t1 * t2 - t2 * t3 - t3 * t1 + t1 * t2 * t3
    root = root * torch.cosh(K[0]) * torch.cosh(K[1]) * torch.cosh(K[2])
    return _sum_of_sectors(L, M, d, root)


def _log_partition_antiferromagnet(L: int, K: Tensor) -> Tensor:
    """Isotropic triangular lattice at -K < 0: the same formula in x = e^{-2K}, where nothing cancels."""
    x, cosh, sinh = torch.exp(-2 * K), torch.cosh(K), torch.sinh(K)

    def d(p: Tensor, q: Tensor) -> Tensor:
        band = (1 + p.cos() + q.cos()).square() + (p.sin() - q.sin()).square()
        return x * (3 + x.square()) / 4 + torch.sinh(2 * K) / 2 * band

    root = torch.exp(-K) * (cosh.square() + 4 * sinh * cosh + sinh.square())
    return _sum_of_sectors(L, L, d, root)


def _sum_of_sectors(L: int, M: int, d, root: Tensor) -> Tensor:
    logs, signs = [], []
    for a, b in SECTORS:
        p = 2 * math.pi * (torch.arange(L, dtype=torch.float64) + a) / L
        q = 2 * math.pi * (torch.arange(M, dtype=torch.float64) + b) / M
        grid = [t.flatten() for t in torch.meshgrid(p, q, indexing="ij")]
        if a == b == 0:
            grid = [t[1:] for t in grid]
        logs.append(0.5 * d(*grid).log().sum())
        signs.append(-root if a == b == 0 else torch.ones_like(root))
    exponents = torch.stack(logs)
    highest = exponents.max().detach()
    total = (torch.stack(signs) * (exponents - highest).exp()).sum()
    return (L * M - 1) * math.log(2) + highest + total.log()


def _thermodynamics(log_z, beta: float) -> Thermodynamics:
    with torch.enable_grad():
        b = torch.tensor(beta, dtype=torch.float64, requires_grad=True)
        value = log_z(b)
        (first,) = torch.autograd.grad(value, b, create_graph=True)
        (second,) = torch.autograd.grad(first, b)
    energy = -first.item()
    return Thermodynamics(-value.item() / beta, energy, value.item() + beta * energy, beta**2 * second.item())
