"""Weighted walkers of independent populations: reweighted, resampled, averaged.

The conditional effective sample size is that of Zhou, Johansen & Aston, J. Comput. Graph. Stat. 25, 701
(2016), systematic resampling that of Kitagawa, J. Comput. Graph. Stat. 5, 1 (1996).
"""

import math
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from vfe_lightning.samplers.bridge import Bridge, Walkers


@dataclass(frozen=True)
class Populations:
    """Somewhere on the way from q to the Gibbs state.

    Attributes:
        walkers: populations one after another.
        log_shares: ln of the normalised weights, (populations, walkers of one).
        log_z: ln of the estimate of the normalisation by each of them, (populations,).
    """

    walkers: Walkers
    log_shares: Tensor
    log_z: Tensor

    @classmethod
    def drawn(cls, bridge: Bridge, populations: int, size: int, generator: torch.Generator | None) -> Self:
        """From q; walkers that have no weight at any t > 0 have none from the start."""
        walkers = bridge.fresh(populations * size, generator)
        alive = walkers.log_weights.isfinite().view(populations, size)
        log_w = walkers.action.new_zeros(populations, size).masked_fill(~alive, -math.inf)
        return cls(walkers, *normalised(log_w - math.log(size)))

    @property
    def log_weights(self) -> Tensor:
        """ln w of each walker, (populations, walkers of one); a number also of those that have no share."""
        log_w = self.walkers.log_weights
        return log_w.where(log_w.isfinite(), 0.0).view_as(self.log_shares)

    @property
    def effective(self) -> Tensor:
        """Share of the walkers that carry the weight: (populations,)."""
        return (-(2 * self.log_shares).logsumexp(1)).exp() / self.log_shares.shape[1]

    def conditional(self, step: float) -> Tensor:
        """The conditional effective sample size of a step of t, as a share: (populations,)."""
        once = self.log_shares + step * self.log_weights
        twice = once + step * self.log_weights
        return (2 * once.logsumexp(1) - twice.logsumexp(1)).exp()

    def further(self, step: float) -> Self:
        """Reweighted to a t that is larger by so much."""
        log_shares, gained = normalised(self.log_shares + step * self.log_weights)
        return replace(self, log_shares=log_shares, log_z=self.log_z + gained)

    def resampled(self, below: float, generator: torch.Generator | None) -> Self:
        """Equal weights again in populations whose effective share is below that one."""
        count, size = self.log_shares.shape
        needed = (self.effective < below)[:, None]
        own = torch.arange(size, device=needed.device)
        index = torch.where(needed, systematic(self.log_shares, generator), own)
        index = index + size * torch.arange(count, device=index.device)[:, None]
        log_shares = self.log_shares.masked_fill(needed, -math.log(size))
        return replace(self, walkers=self.walkers.chosen(index.flatten()), log_shares=log_shares)

    def means(self, values: Tensor) -> Tensor:
        """Of each population: (walkers, ...) -> (populations, ...)."""
        return torch.einsum(
            "pb,pb...->p...", self.log_shares.exp(), values.unflatten(0, self.log_shares.shape)
        )

    def variances(self, values: Tensor) -> Tensor:
        """Within each population: (walkers,) -> (populations,)."""
        shape = self.log_shares.shape
        return self.means((values.view(shape) - self.means(values)[:, None]).square().flatten())


def normalised(log_w: Tensor) -> tuple[Tensor, Tensor]:
    """ln of the shares, and of their sum: (populations, size) -> the same and (populations,).

    A population without any weight has equal shares of nothing.
    """
    total = log_w.logsumexp(1)
    nothing = total.isneginf()[:, None]
    return (log_w - total[:, None]).masked_fill(nothing, -math.log(log_w.shape[1])), total


def systematic(log_shares: Tensor, generator: torch.Generator | None) -> Tensor:
    """Which walkers go on, each as often as its share says up to one: (populations, size), whole numbers."""
    count, size = log_shares.shape
    start = torch.rand((count, 1), generator=generator, dtype=log_shares.dtype, device=log_shares.device)
    teeth = (torch.arange(size, device=start.device) + start) / size
    return torch.searchsorted(log_shares.exp().cumsum(1), teeth).clamp(max=size - 1)
