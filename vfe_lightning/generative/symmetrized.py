r"""A model averaged over a cyclic group of relabellings, $p(s) = \frac1n \sum_{k=1}^n q(P^k s)$."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from vfe_lightning.generative.model import GenerativeModel


def flipped(x: Tensor, k: Tensor | int) -> Tensor:
    """Spins +-1, all of them turned over where k = 0: (batch, sites), (batch, 1) or a number."""
    return x * (2 * k - 1)


class Symmetrized(GenerativeModel):
    """As symmetric as the energy whatever the model q is, so that no phase of a broken symmetry is lost.

    Args:
        model: q.
        image: samples, (batch, sites), and k = 0 ... order - 1, a number or (batch, 1) -> one of the images,
            all of which have one energy.
        order: of the group; the flip of all spins has two elements.
    """

    def __init__(
        self,
        model: GenerativeModel,
        image: Callable[[Tensor, Tensor | int], Tensor] = flipped,
        order: int = 2,
    ) -> None:
        super().__init__()
        self.model, self.image, self.order = model, image, order

    def log_prob(self, x: Tensor) -> Tensor:
        return self._each(x).logsumexp(dim=0) - math.log(self.order)

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        x = self.model.sample(n_samples, generator)
        return self.image(x, torch.randint(self.order, (n_samples, 1), generator=generator, device=x.device))

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        shares = self._each(x).softmax(dim=0)
        parts = (share[:, None] * self.model.scores(self.image(x, k)) for k, share in enumerate(shares))
        return torch.stack(list(parts)).sum(dim=0)

    def _each(self, x: Tensor) -> Tensor:
        """ln q of each image: (batch, sites) -> (order, batch)."""
        images = torch.cat([self.image(x, k) for k in range(self.order)])
        return self.model.log_prob(images).view(self.order, -1)
