r"""Slater determinant of plane waves, Phi_K(zeta) = det[exp(i k_a . zeta_j)] / sqrt(n! L^(dim n)).

With D_ja = exp(i k_a . zeta_j) and A^c = D diag(i k^c) D^-1, one n x n matrix a direction c:

    g_jc = d ln Phi / d zeta_jc = A^c_jj,
    d^2 ln Phi / d zeta_jb d zeta_lc = -delta_jl (D diag(k^b k^c) D^-1)_jj - A^b_jl A^c_lj.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from vfe_lightning.calculus.replay import replayable
from vfe_lightning.wavefunctions.free_fermions import free_fermions


class SlaterJet(NamedTuple):
    """ln Phi at a batch of points and what its derivatives are made of."""

    log_psi: Tensor  # (batch,), complex
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


@replayable
@dataclass(frozen=True)
class SlaterDeterminants:
    """A batch of determinants of plane waves in a periodic cube: `BaseStates`."""

    k: Tensor  # (batch, n, dim): wave vectors with their factor 2 pi / L
    length: float  # side L of the cube

    @property
    def momentum(self) -> Tensor:
        return self.k.sum(dim=1)

    def __getitem__(self, rows: slice | Tensor) -> "SlaterDeterminants":
        return SlaterDeterminants(self.k[rows], self.length)

    def __len__(self) -> int:
        return len(self.k)

    def log_psi(self, zeta: Tensor) -> Tensor:
        return _log_det(_plane_waves(zeta, self.k), zeta.shape[-1], self.length)

    def gradient(self, zeta: Tensor) -> Tensor:
        waves = _plane_waves(zeta, self.k)
        return 1j * ((waves * torch.linalg.inv_ex(waves)[0].mT) @ self.k.to(waves.dtype))

    def jet(self, zeta: Tensor) -> SlaterJet:
        k, dim = self.k, zeta.shape[-1]
        waves = _plane_waves(zeta, k)
        inverse = torch.linalg.inv_ex(waves)[0]
        transfer = (waves[:, None] * (1j * k.mT[:, :, None])) @ inverse[:, None]
        squares = (k[..., :, None] * k[..., None, :]).flatten(2).to(waves.dtype)
        self_term = ((waves * inverse.mT) @ squares).unflatten(2, (dim, dim))
        gradient = torch.diagonal(transfer, dim1=-2, dim2=-1).mT
        return SlaterJet(_log_det(waves, dim, self.length), gradient, transfer, self_term)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        return free_fermions(self.k, self.length, generator)


def _plane_waves(zeta: Tensor, k: Tensor) -> Tensor:
    angle = zeta @ k.mT
    return torch.polar(torch.ones_like(angle), angle)


def _log_det(waves: Tensor, dim: int, length: float) -> Tensor:
    n = waves.shape[-1]
    sign, log_abs = torch.linalg.slogdet(waves)
    return torch.complex(log_abs - 0.5 * (math.lgamma(n + 1) + dim * n * math.log(length)), sign.angle())
