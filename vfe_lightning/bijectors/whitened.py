"""Coordinates that are uncorrelated and of width one in given samples."""

import torch
from torch import Tensor

from vfe_lightning.bijectors.bijector import Bijector


class Whitened(Bijector):
    """x = mean + C^(1/2) z with the mean and the covariance C of samples, which stay as they are.

    Args:
        samples: (samples, ...), more of them than coordinates.
    """

    mean: Tensor
    root: Tensor
    inverse_root: Tensor
    log_det: Tensor

    def __init__(self, samples: Tensor) -> None:
        super().__init__()
        flat = samples.flatten(1)
        values, vectors = torch.linalg.eigh(flat.T.cov())
        self.register_buffer("mean", flat.mean(dim=0))
        self.register_buffer("root", vectors * values.sqrt() @ vectors.T)
        self.register_buffer("inverse_root", vectors * values.rsqrt() @ vectors.T)
        self.register_buffer("log_det", 0.5 * values.log().sum())

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x = self.mean + z.flatten(1) @ self.root
        return x.view_as(z), self.log_det.expand(len(z))

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = (x.flatten(1) - self.mean) @ self.inverse_root
        return z.view_as(x), -self.log_det.expand(len(x))
