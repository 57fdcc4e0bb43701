r"""A stretch of every Fourier mode: of normal z it makes any translation-invariant Gaussian field.

$$ x_k = e^{s(k)} z_k, \quad s(k) = s(-k) $$

with one s for all k that the symmetries of the square map on each other.
"""

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.bijector import Bijector


class FourierScale(Bijector):
    """Fields are (batch, L, L).

    Args:
        variance: first variances of the modes <|x_k|^2> / L^2, of the symmetry of the square, (L, L).
    """

    star: Tensor  # (L, L): which s a mode has
    multiplicity: Tensor  # (stars,)

    def __init__(self, variance: Tensor) -> None:
        super().__init__()
        L = len(variance)
        k = torch.minimum(torch.arange(L), L - torch.arange(L))
        low, high = torch.minimum(k[:, None], k), torch.maximum(k[:, None], k)
        _, star = torch.unique(low * L + high, return_inverse=True)
        self.register_buffer("star", star, persistent=False)
        multiplicity = torch.bincount(star.flatten()).to(variance)
        self.register_buffer("multiplicity", multiplicity, persistent=False)
        first = torch.zeros_like(multiplicity).index_add_(0, star.flatten(), 0.5 * variance.log().flatten())
        self.log_scale = nn.Parameter(first / multiplicity)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self._scaled(z, self.log_scale), self._log_det(z)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._scaled(x, -self.log_scale), -self._log_det(x)

    def _scaled(self, z: Tensor, log_scale: Tensor) -> Tensor:
        L = len(self.star)
        scale = log_scale.exp()[self.star[:, : L // 2 + 1]]
        return torch.fft.irfft2(torch.fft.rfft2(z) * scale, s=(L, L))

    def _log_det(self, z: Tensor) -> Tensor:
        return (self.multiplicity @ self.log_scale).expand(len(z))
