r"""A flow averaged over an involution, $p(x) = \frac12 [ q(x) + q(Px) ]$: both images are always sampled.

For a P that keeps the energy and the volume, such as the exchange of two equal atoms.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from vfe_lightning.generative.reparameterized import ReparameterizedModel


class Mirrored(ReparameterizedModel):
    """P is its own inverse, (batch, ...) -> (batch, ...)."""

    def __init__(self, model: ReparameterizedModel, image: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.image = model, image

    def rsample(self, n_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        x, one = self.model.rsample(n_samples, generator)
        other = self.image(x)
        log_prob = torch.logaddexp(one, self.model.log_prob(other)) - math.log(2)
        coin = torch.rand(n_samples, generator=generator, dtype=x.dtype, device=x.device) < 0.5
        return torch.where(coin.view(-1, *[1] * (x.ndim - 1)), x, other), log_prob

    def log_prob(self, x: Tensor) -> Tensor:
        one, other = self.model.log_prob(torch.cat([x, self.image(x)])).chunk(2)
        return torch.logaddexp(one, other) - math.log(2)
