r"""A flow averaged over an involution, $p(x) = \frac12 [ q(x) + q(Px) ]$: both images are always sampled.

For a P that keeps the energy and the volume, such as the exchange of two equal atoms or the flip of a field:
q need only hold one phase of a broken symmetry.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from vfe_lightning.generative.reparameterized import ReparameterizedModel


class Mirrored(ReparameterizedModel):
    """P is its own inverse, (batch, ...) -> (batch, ...)."""

    def __init__(self, flow: ReparameterizedModel, image: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.flow, self.image = flow, image

    def rsample(self, n_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        x, one = self.flow.rsample(n_samples, generator)
        other = self.image(x)
        log_prob = torch.logaddexp(one, self.flow.log_prob(other)) - math.log(2)
        coin = torch.randint(2, (n_samples, *[1] * (x.ndim - 1)), generator=generator, device=x.device)
        return torch.where(coin == 1, x, other), log_prob

    def log_prob(self, x: Tensor) -> Tensor:
        one, other = self.flow.log_prob(torch.cat([x, self.image(x)])).chunk(2)
        return torch.logaddexp(one, other) - math.log(2)

    def known(self, x: Tensor) -> Tensor:
        one, other = self.flow.known(torch.cat([x, self.image(x)])).chunk(2)
        return torch.logaddexp(one, other) - math.log(2)

    def nearby(
        self, x: Tensor, step: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Of whichever image it is that q has drawn, by how probable that is."""
        mirrored = self.image(x)
        one, other = self.flow.log_prob(torch.cat([x, mirrored])).chunk(2)
        coin = torch.rand(one.shape, generator=generator, dtype=x.dtype, device=x.device)
        own = (coin < torch.sigmoid(one - other)).view(-1, *[1] * (x.ndim - 1))
        y, here = self.flow.nearby(torch.where(own, x, mirrored), step, generator)
        image = self.image(y)
        log_prob = torch.logaddexp(here, self.flow.known(image)) - math.log(2)
        return torch.where(own, y, image), log_prob
