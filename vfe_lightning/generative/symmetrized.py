r"""A model averaged over the global flip of all spins, $p(s) = \frac12 [ q(s) + q(-s) ]$."""

import math

import torch
from torch import Tensor

from vfe_lightning.generative.model import GenerativeModel


class Symmetrized(GenerativeModel):
    """Even in s whatever the model q is, so that no phase of a Z2 broken state is lost."""

    def __init__(self, model: GenerativeModel) -> None:
        super().__init__()
        self.model = model

    def log_prob(self, x: Tensor) -> Tensor:
        one, other = self.model.log_prob(torch.cat([x, -x])).chunk(2)
        return torch.logaddexp(one, other) - math.log(2)

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        x = self.model.sample(n_samples, generator)
        sign = 2 * torch.randint(2, (n_samples, 1), generator=generator, device=x.device) - 1
        return x * sign

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        one, other = self.model.log_prob(torch.cat([x, -x])).chunk(2)
        share = torch.sigmoid(one - other)[:, None]
        return share * self.model.scores(x) + (1 - share) * self.model.scores(-x)
