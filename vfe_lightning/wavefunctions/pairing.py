r"""Amplitudes of singlet pairs of electrons in levels: what an antisymmetrised geminal power is made of.

$$ \lambda_k = c_k \, e^{-\operatorname{asinh}(\xi_k / \Delta) / 2}, \quad \xi_k = e_k - \mu, \qquad
   Z = \sum_K \prod_{k \in K} \lambda_k^2 $$

with e the levels of a geometry, mu between the highest occupied and the lowest empty one, and c and Delta
trained. One pair in two levels has exactly this ground state, with c = 1 and -1 and Delta half the exchange
integral of both, at any gap 2 xi: a molecule has both levels alike where its bond is broken, and the empty
one less, by the inverse of the gap, where it is not. Z is the canonical partition function of an ideal gas
with the weights 2 ln |lambda|.
"""

import math

import torch
from torch import Tensor, nn

from vfe_lightning.exact.ideal_gas import conditional_logits, log_symmetric_polynomials
from vfe_lightning.generative.occupation import drawn

GAP, EMPTY = 0.15, -0.1  # at first: Delta in Hartree, and c of empty levels
NONE = 1e-200  # the square of no amplitude


class Pairing(nn.Module):
    """Of n pairs in the lowest levels of each geometry, (batch, levels)."""

    def __init__(self, n: int, levels: int) -> None:
        super().__init__()
        self.n = n
        self.weight = nn.Parameter(torch.where(torch.arange(levels) < n, 1.0, EMPTY).double())
        self.log_gap = nn.Parameter(torch.tensor(math.log(GAP), dtype=torch.float64))

    @property
    def levels(self) -> int:
        return self.weight.shape[-1]

    def forward(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        """lambda (batch, levels) and ln Z (batch,) at levels in Hartree; parameters may be of each walker."""
        beyond = levels - levels[:, self.n - 1 : self.n + 1].mean(1, keepdim=True)
        amplitudes = self.weight * torch.exp(-torch.asinh(beyond * torch.exp(-self.log_gap)[..., None]) / 2)
        return amplitudes, log_symmetric_polynomials(log_weights(amplitudes), self.n)[..., self.n, 0]


def log_weights(amplitudes: Tensor) -> Tensor:
    """2 ln |lambda|."""
    return amplitudes.square().clamp(min=NONE).log()


def occupied(amplitudes: Tensor, n: int, geometry: Tensor, generator: torch.Generator | None) -> Tensor:
    """K of n pairs, with prod_k lambda_k^2 / Z at amplitudes (geometries, levels): (batch, n)."""
    logits = conditional_logits(log_weights(amplitudes), n)[geometry]
    return drawn(logits.unbind(1), len(geometry), None, lambda k: k, None, generator)
