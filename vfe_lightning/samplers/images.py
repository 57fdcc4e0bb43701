r"""A density that is also where it would be if it lay at other known minima, so that no well is without it.

$$ q'(x) = (1 - \epsilon) q(x) + \frac{\epsilon}{K (K - 1)} \sum_{i \ne j} q(x - x_j + x_i) $$

A defensive mixture: Hesterberg, Technometrics 37, 185 (1995).
"""

import math

import torch
from torch import Tensor

from vfe_lightning.samplers.bridge import Bridge, Walkers

SHARE = 0.3  # epsilon


class Imaged(Bridge):
    """The way from there.

    Args:
        bridge: from q itself; H is asked for there.
        minima: x_i, (K, ...), at least two.
    """

    def __init__(self, bridge: Bridge, minima: Tensor) -> None:
        self.bridge = bridge
        away = minima[:, None] - minima
        first, second = torch.triu_indices(len(minima), len(minima), 1)
        self.shifts = torch.cat([away[first, second], away[second, first]])

    @property
    def evaluations(self) -> int:
        return self.bridge.evaluations

    def fresh(self, count: int, generator: torch.Generator | None) -> Walkers:
        x = self.bridge.fresh(count, generator).x
        which = torch.randint(len(self.shifts), (count,), generator=generator, device=x.device)
        chance = torch.rand((count, *[1] * (x.ndim - 1)), generator=generator, dtype=x.dtype, device=x.device)
        x = torch.where(chance < SHARE, x + self.shifts.to(x)[which], x)
        return Walkers(x, self.log_q(x), self.action(x))

    @property
    def local(self) -> bool:
        return self.bridge.local

    def nearby(self, x: Tensor, step: Tensor, generator: torch.Generator | None) -> Walkers:
        """Steps in that image of q which x is of, by how probable each is."""
        each = self._each(x)
        chance = torch.rand(len(x), generator=generator, dtype=each.dtype, device=x.device)
        which = (chance > each.softmax(0).cumsum(0)[:-1]).sum(dim=0)
        shift = torch.cat([torch.zeros_like(self.shifts[:1]), self.shifts]).to(x)[which]
        y = self.bridge.nearby(x - shift, step, generator).x + shift
        return Walkers(y, self.log_q(y), self.action(y))

    def log_q(self, x: Tensor) -> Tensor:
        return self._each(x).logsumexp(dim=0)

    def _each(self, x: Tensor) -> Tensor:
        """ln of what q and each of its images contribute: (1 + images, walkers)."""
        own = math.log1p(-SHARE) + self.bridge.log_q(x)
        one = math.log(SHARE / len(self.shifts))
        return torch.stack([own, *(one + self.bridge.log_q(x - shift) for shift in self.shifts.to(x))])

    def action(self, x: Tensor) -> Tensor:
        return self.bridge.action(x)

    def gradient(self, x: Tensor) -> Tensor:
        return self.bridge.gradient(x)
