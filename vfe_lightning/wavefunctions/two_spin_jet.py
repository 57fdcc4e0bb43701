"""Derivatives of products of an up and a down determinant."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vfe_lightning.wavefunctions.slater import SlaterJet


@dataclass(frozen=True)
class TwoSpinJet:
    """ln Phi of a product of two determinants: one jet a spin, those of no electrons left out."""

    spins: list[SlaterJet]

    @property
    def log_psi(self) -> Tensor:
        return sum((jet.log_psi for jet in self.spins[1:]), self.spins[0].log_psi)

    @property
    def gradient(self) -> Tensor:
        return torch.cat([jet.gradient for jet in self.spins], dim=1)

    def hessian_contraction(self, metric: Tensor) -> Tensor:
        """sum_ab (d_a d_b ln Phi) metric_ab for symmetric real metrics: (batch, n dim, n dim) -> (batch,)."""
        sizes = [jet.gradient[0].numel() for jet in self.spins]
        blocks = [row.split(sizes, 2)[s] for s, row in enumerate(metric.split(sizes, 1))]
        parts = [jet.hessian_contraction(b) for jet, b in zip(self.spins, blocks, strict=True)]
        return sum(parts[1:], parts[0])
