"""What every generative model is."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class GenerativeModel(nn.Module, ABC):
    """A normalised probability that is sampled directly, without a Markov chain."""

    @abstractmethod
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent samples: (n_samples, ...)."""

    @abstractmethod
    def log_prob(self, x: Tensor) -> Tensor:
        """ln p of each sample: (batch, ...) -> (batch,)."""

    @abstractmethod
    def scores(self, x: Tensor) -> Tensor:
        """d ln p / d parameters of each sample, in the order of `parameters()`: (batch, parameters)."""

    def anneal(self, beta: float) -> None:
        """Be told the inverse temperature that is sampled at now, where that is part of the model."""
