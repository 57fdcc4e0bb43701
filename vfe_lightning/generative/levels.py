r"""Boltzmann weights of many-body levels that are known, p(a) = exp(-E_a / T + sum_f shift_f f_a) / Z."""

import torch
from torch import Tensor, nn

from vfe_lightning.generative.model import GenerativeModel


class Levels(GenerativeModel):
    """p(a) of a list of levels; a sample is an index, (batch, 1).

    Args:
        energies: E_a / T, (levels,).
        features: what the trainable shifts, zero at first, multiply: (levels, features).
    """

    energies: Tensor
    features: Tensor

    def __init__(self, energies: Tensor, features: Tensor) -> None:
        super().__init__()
        self.register_buffer("energies", energies, persistent=False)
        self.register_buffer("features", features, persistent=False)
        self.shift = nn.Parameter(torch.zeros(features.shape[1], dtype=energies.dtype))

    def log_prob(self, x: Tensor) -> Tensor:
        return self._log_probs()[x[:, 0]]

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        p = self._log_probs().exp()
        return torch.multinomial(p, n_samples, replacement=True, generator=generator)[:, None]

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        """d ln p / d shift, f_a - <f>: (batch, 1) -> (batch, features)."""
        return self.features[x[:, 0]] - self._log_probs().exp() @ self.features

    def _log_probs(self) -> Tensor:  # of all levels, (levels,)
        return (self.features @ self.shift - self.energies).log_softmax(dim=0)
