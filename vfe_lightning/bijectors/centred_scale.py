r"""Normal variables of n particles, whose centre of mass has a width of its own.

$$ x_i = \sigma (z_i - \bar z) + \sigma_c \bar z, \quad
   \ln |\det dx/dz| = d [ (n - 1) \ln \sigma + \ln \sigma_c ] $$

Equal for all particles, so that the density commutes with permutations, rotations and reflections.
"""

import math

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.bijector import Bijector


class CentredScale(Bijector):
    """Positions are (batch, n, dim).

    Args:
        scale: the first sigma, which is learned.
        centre: sigma_c, fixed: of a harmonic trap of stiffness k it is 1 / sqrt(beta k), exactly.
    """

    def __init__(self, scale: float, centre: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale), dtype=torch.float64))
        self.centre = centre

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        mean = z.mean(dim=1, keepdim=True)
        return (z - mean) * self.log_scale.exp() + mean * self.centre, self._log_det(z)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean = x.mean(dim=1, keepdim=True)
        return (x - mean) * (-self.log_scale).exp() + mean / self.centre, -self._log_det(x)

    def _log_det(self, x: Tensor) -> Tensor:
        _, n, dim = x.shape
        return (dim * ((n - 1) * self.log_scale + math.log(self.centre))).expand(len(x))
