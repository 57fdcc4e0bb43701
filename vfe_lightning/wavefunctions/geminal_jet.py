r"""Derivatives of ln det G with G_ij = sum_k phi_k(r_i) lambda_k phi_k(r_j) of up i and down j.

In the coordinates of one spin it is a Slater determinant of orbitals that the other one makes; of both,

$$ \partial_{ia} \partial_{jb} \ln \det G = (G^{-1})_{ji} \; \partial_a \phi(r_i)
   [\Lambda - \Lambda \phi(\downarrow)^T G^{-1} \phi(\uparrow) \Lambda] \, \partial_b \phi(r_j)^T . $$
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vfe_lightning.wavefunctions.fock_darwin import OrbitalJet
from vfe_lightning.wavefunctions.oscillator_determinants import slater_jet
from vfe_lightning.wavefunctions.two_spin_jet import TwoSpinJet


class GeminalJet(NamedTuple):
    """ln Phi of n pairs at a batch of points with its derivatives; spin up stands first."""

    log_psi: Tensor  # (batch,), complex
    spins: TwoSpinJet
    cross: Tensor  # (batch, 3, 3, n, n), real: along a of i with spin up and b of j with spin down

    @property
    def gradient(self) -> Tensor:
        """(batch, 2 n, 3), complex."""
        return self.spins.gradient.to(torch.complex128)

    def hessian_contraction(self, metric: Tensor) -> Tensor:
        """sum_ab (d_a d_b ln Phi) metric_ab for symmetric real metrics, (batch,)."""
        n = self.cross.shape[-1]
        mixed = metric[:, : 3 * n, 3 * n :].unflatten(1, (n, 3)).unflatten(3, (n, 3))
        between = (self.cross * mixed.permute(0, 2, 4, 1, 3)).sum((1, 2, 3, 4))
        return (self.spins.hessian_contraction(metric) + 2 * between).to(torch.complex128)


def geminal(up: Tensor, down: Tensor, amplitudes: Tensor) -> Tensor:
    """G (batch, n, n) of orbitals at the electrons of each spin, (batch, n, levels)."""
    return up @ (amplitudes[..., None] * down.mT)


def geminal_jet(up: OrbitalJet, down: OrbitalJet, amplitudes: Tensor, log_norm: Tensor) -> GeminalJet:
    """Of orbitals at the electrons of each spin, as many levels as amplitudes (batch, levels)."""
    of_down, of_up = (amplitudes[..., None] * o.value.mT for o in (down, up))  # (batch, levels, n)
    matrix = up.value @ of_down
    inverse = torch.linalg.inv_ex(matrix)[0]
    jets = [
        slater_jet(OrbitalJet(value, o.gradient @ other[:, None], o.hessian @ other[:, None]))
        for value, o, other in ((matrix, up, of_down), (matrix.mT, down, of_up))
    ]
    one = torch.diag_embed(amplitudes)
    between = (one - of_down @ inverse @ of_up.mT)[:, None]
    pulled = (up.gradient @ between)[:, :, None] @ down.gradient[:, None].mT
    log_psi = jets[0].log_psi - 0.5 * math.lgamma(matrix.shape[-1] + 1) - 0.5 * log_norm
    return GeminalJet(log_psi, TwoSpinJet(jets), pulled * inverse.mT[:, None, None])
