r"""Densities whose samples are differentiable functions of their parameters: flows of a normal density.

$$ x = T(z), \; z \sim N(0, 1): \quad \ln p(x) = \ln N(z) - \ln |\det dT/dz| $$

Rezende & Mohamed, ICML (2015).
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.bijector import Bijector


class ReparameterizedModel(nn.Module, ABC):
    """A normalised density of continuous variables that is sampled directly."""

    @abstractmethod
    def rsample(self, n_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Independent samples, differentiable in the parameters, and ln p: (n_samples, ...), (n_samples,)."""

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent samples: (n_samples, ...)."""
        return self.rsample(n_samples, generator)[0]

    @abstractmethod
    def log_prob(self, x: Tensor) -> Tensor:
        """ln p at given points: (batch, ...) -> (batch,)."""

    def nearby(
        self, x: Tensor, step: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """A step that has detailed balance in p, ln p of where it ends, and ln p of x.

        Where p has no latent variables to step in, the end is independent of x.

        Args:
            step: between 0, no step, and 1, of which the end is independent of x: (batch,).
        """
        return *self.rsample(len(x), generator), self.log_prob(x)


class NormalizingFlow(ReparameterizedModel):
    """Standard normal variables, carried by a bijector.

    Args:
        bijector: x of z.
        shape: of one sample.
    """

    device_of: Tensor

    def __init__(self, bijector: Bijector, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.bijector, self.shape = bijector, shape
        self.register_buffer("device_of", torch.zeros((), dtype=torch.float64), persistent=False)

    def rsample(self, n_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        z = self.device_of.new_empty(n_samples, *self.shape).normal_(generator=generator)
        x, log_det = self.bijector(z)
        return x, log_normal(z) - log_det

    def log_prob(self, x: Tensor) -> Tensor:
        z, log_det = self.bijector.inverse(x)
        return log_normal(z) + log_det

    def nearby(
        self, x: Tensor, step: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """By z' = (1 - step^2)^(1/2) z + step xi.

        Cotter, Roberts, Stuart & White, Stat. Sci. 28, 424 (2013).
        """
        z, log_det = self.bijector.inverse(x)
        log_prob = log_normal(z) + log_det
        step = step.view(-1, *[1] * (z.ndim - 1))
        z = (1 - step.square()).sqrt() * z + step * torch.empty_like(z).normal_(generator=generator)
        x, log_det = self.bijector(z)
        return x, log_normal(z) - log_det, log_prob


def log_normal(z: Tensor) -> Tensor:
    """ln of the standard normal density of all variables of a sample: (batch, ...) -> (batch,)."""
    z = z.flatten(1)
    return -0.5 * (z.square().sum(dim=1) + z.shape[1] * math.log(2 * math.pi))
