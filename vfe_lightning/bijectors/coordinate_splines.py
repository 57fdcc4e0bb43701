"""A spline of each coordinate alone, with the identity far out: any density in one dimension.

Durkan, Bekasov, Murray & Papamakarios, NeurIPS (2019).
"""

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.bijector import Bijector
from vfe_lightning.bijectors.rational_quadratic import knots_of, with_tails

HALF = 5.0  # of the interval that is bent, in which a normal variable is


class CoordinateSplines(Bijector):
    """Samples may have any shape; starts as the identity.

    Args:
        coordinates: of a sample.
        bins: of each spline.
    """

    def __init__(self, coordinates: int, bins: int) -> None:
        super().__init__()
        self.shares = nn.Parameter(torch.zeros(2, bins, coordinates, dtype=torch.float64))
        self.slopes = nn.Parameter(torch.zeros(bins - 1, coordinates, dtype=torch.float64))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x, log_slope = with_tails(z.flatten(1), self._knots(len(z)), HALF)
        return x.view_as(z), log_slope.sum(dim=1)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, log_slope = with_tails(x.flatten(1), self._knots(len(x)), HALF, inverse=True)
        return z.view_as(x), -log_slope.sum(dim=1)

    def _knots(self, batch: int) -> Tensor:
        """(3, bins + 1, batch, coordinates), with unit slopes at both ends."""
        end = torch.zeros_like(self.shares[0, :1])
        knots = knots_of(self.shares, torch.cat([end, self.slopes, end]), HALF)
        return knots[:, :, None].expand(-1, -1, batch, -1)
