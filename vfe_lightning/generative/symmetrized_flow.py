r"""A flow averaged over the flip of all coordinates, $p(x) = \frac12 [ q(x) + q(-x) ]$."""

import math

import torch
from torch import Tensor

from vfe_lightning.generative.reparameterized import ReparameterizedModel


class SymmetrizedFlow(ReparameterizedModel):
    """Even in x whatever the flow q is, so that q need only hold one phase of a Z2 broken state."""

    def __init__(self, flow: ReparameterizedModel) -> None:
        super().__init__()
        self.flow = flow

    def rsample(self, n_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        x, one = self.flow.rsample(n_samples, generator)
        log_prob = torch.logaddexp(one, self.flow.log_prob(-x)) - math.log(2)
        sign = torch.randint(2, (n_samples, *[1] * (x.ndim - 1)), generator=generator, device=x.device)
        return x * (2 * sign - 1), log_prob

    def log_prob(self, x: Tensor) -> Tensor:
        one, other = self.flow.log_prob(torch.cat([x, -x])).chunk(2)
        return torch.logaddexp(one, other) - math.log(2)
