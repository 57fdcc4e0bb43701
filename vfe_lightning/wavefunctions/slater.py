r"""Slater determinant of plane waves, Phi_K(zeta) = det[exp(i k_a . zeta_j)] / sqrt(n! L^(dim n)).

With D_ja = exp(i k_a . zeta_j) and A^c = D diag(i k^c) D^-1, one n x n matrix a direction c:

    g_jc = d ln Phi / d zeta_jc = A^c_jj,
    d^2 ln Phi / d zeta_jb d zeta_lc = -delta_jl (D diag(k^b k^c) D^-1)_jj - A^b_jl A^c_lj.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class SlaterJet(NamedTuple):
    """ln Phi at a batch of points and what its derivatives are made of."""

    log_abs: Tensor  # (batch,)
    phase: Tensor  # (batch,), in (-pi, pi]
    gradient: Tensor  # (batch, n, dim), complex: g
    transfer: Tensor  # (batch, dim, n, n), complex: A
    self_term: Tensor  # (batch, n, dim, dim), complex: (D diag(k^b k^c) D^-1)_jj

    def hessian_contraction(self, metric: Tensor) -> Tensor:
        """sum_ab (d_a d_b ln Phi) metric_ab for symmetric real metrics: (batch, n dim, n dim) -> (batch,)."""
        batch, n, dim = self.gradient.shape
        blocks = metric.view(batch, n, dim, n, dim)
        on_site = torch.diagonal(blocks, dim1=1, dim2=3).permute(0, 3, 1, 2)
        total = -(self.self_term * on_site).sum((1, 2, 3))
        for b in range(dim):
            for c in range(b + 1):  # (b, c) and (c, b) give the same sum
                pairs = self.transfer[:, b] * self.transfer[:, c].mT * blocks[:, :, b, :, c]
                total = total - (1 if b == c else 2) * pairs.sum((1, 2))
        return total


def log_slater(zeta: Tensor, k: Tensor, length: float) -> tuple[Tensor, Tensor]:
    """ln|Phi| and phase, (batch,) each, at zeta (batch, n, dim).

    k (batch, n, dim): wave vectors with their factor 2 pi / L; length: side L of the cube.
    """
    return _log_det(_plane_waves(zeta, k), zeta.shape[-1], length)


def slater_gradient(zeta: Tensor, k: Tensor) -> Tensor:
    """g = d ln Phi / d zeta, complex (batch, n, dim)."""
    waves = _plane_waves(zeta, k)
    return 1j * ((waves * torch.linalg.inv_ex(waves)[0].mT) @ k.to(waves.dtype))


def slater_jet(zeta: Tensor, k: Tensor, length: float) -> SlaterJet:
    """ln Phi with gradient and Hessian pieces at zeta, k (batch, n, dim)."""
    dim = zeta.shape[-1]
    waves = _plane_waves(zeta, k)
    inverse = torch.linalg.inv_ex(waves)[0]
    transfer = (waves[:, None] * (1j * k.mT[:, :, None])) @ inverse[:, None]
    squares = (k[..., :, None] * k[..., None, :]).flatten(2).to(waves.dtype)
    self_term = ((waves * inverse.mT) @ squares).unflatten(2, (dim, dim))
    gradient = torch.diagonal(transfer, dim1=-2, dim2=-1).mT
    return SlaterJet(*_log_det(waves, dim, length), gradient, transfer, self_term)


def _plane_waves(zeta: Tensor, k: Tensor) -> Tensor:
    angle = zeta @ k.mT
    return torch.polar(torch.ones_like(angle), angle)


def _log_det(waves: Tensor, dim: int, length: float) -> tuple[Tensor, Tensor]:
    n = waves.shape[-1]
    sign, log_abs = torch.linalg.slogdet(waves)
    return log_abs - 0.5 * (math.lgamma(n + 1) + dim * n * math.log(length)), sign.angle()
