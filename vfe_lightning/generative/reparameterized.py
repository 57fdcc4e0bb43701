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

    def known(self, x: Tensor) -> Tensor:
        """ln p where it is what is sampled there, NaN elsewhere: (batch, ...) -> (batch,)."""
        return self.log_prob(x)

    def nearby(
        self, x: Tensor, step: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """A step that has detailed balance in p, and ln p of where it ends, NaN where that is not known.

        Where p has no latent variables to step in, the end is independent of x.

        Args:
            step: between 0, no step, and 1, of which the end is independent of x: (batch,).
        """
        return self.rsample(len(x), generator)


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

    def known(self, x: Tensor) -> Tensor:
        """Far from all samples the integration of a continuous flow back and forth does not return."""
        z, log_det = self.bijector.inverse(x)
        log_prob = log_normal(z) + log_det
        if (rounding := self.bijector.rounding) is None:
            return log_prob
        missed = (self.bijector(z)[0] - x).flatten(1).norm(dim=1)
        return torch.where(missed <= rounding, log_prob, torch.nan)

    def nearby(
        self, x: Tensor, step: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """By z' = (1 - step^2)^(1/2) z + step xi.

        Cotter, Roberts, Stuart & White, Stat. Sci. 28, 424 (2013).
        """
        z, _ = self.bijector.inverse(x)
        step = step.view(-1, *[1] * (z.ndim - 1))
        z = (1 - step.square()).sqrt() * z + step * torch.empty_like(z).normal_(generator=generator)
        x, log_det = self.bijector(z)
        log_prob = log_normal(z) - log_det
        if (rounding := self.bijector.rounding) is not None:
            missed = (self.bijector.inverse(x)[0] - z).flatten(1).norm(dim=1)
            log_prob = torch.where(missed <= rounding, log_prob, torch.nan)
        return x, log_prob


def log_normal(z: Tensor) -> Tensor:
    """ln of the standard normal density of all variables of a sample: (batch, ...) -> (batch,)."""
    z = z.flatten(1)
    return -0.5 * (z.square().sum(dim=1) + z.shape[1] * math.log(2 * math.pi))
