r"""Moves that leave every density between q and the Gibbs state as it is.

Of a kernel that obeys detailed balance with respect to exp(-s beta H), for any s, a move is accepted by

$$ \min(1, e^{r(x') - r(x)}), \qquad r(x) = (1-t) \ln q(x) + (s - t) \beta H(x), $$

so that trajectories, flips of spins and clusters need neither forces nor conditional probabilities of q, but
ln q of where they end: a second test, Christen & Fox, J. Comput. Graph. Stat. 14, 795 (2005). s is where r
changes least. Samples of q itself, or steps that leave q as it is, are accepted by
min(1, (w' / w)^t): Albergo, Kanwar & Shanahan, Phys. Rev. D 100, 034515 (2019).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vfe_lightning.samplers.bridge import Bridge, Walkers

AFRESH = 0.25  # of the steps in q are as long as can be


@dataclass(frozen=True)
class Sizes:
    """Of the steps of a move: where tuning begins and ends, and how often the move is to be accepted."""

    first: float
    least: float
    most: float
    wanted: float

    @property
    def tunable(self) -> bool:
        return self.least < self.most


ONE_SIZE = Sizes(1.0, 1.0, 1.0, 0.5)


class Kernel(ABC):
    """A step in exp(-s beta H) with detailed balance.

    Attributes:
        sizes: of a step.
        only: s, where there is no step for another one.
        shape: of space, as `fit` has learned it; None where there is nothing to learn.
    """

    sizes: Sizes = ONE_SIZE
    only: float | None = None
    shape: Tensor | None = None

    @abstractmethod
    def step(
        self, x: Tensor, action: Tensor, s: float, size: float, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """x, beta H of it, and the probability that the step was taken: (walkers, ...), (walkers,) twice."""

    def fit(self, x: Tensor, shares: Tensor) -> None:  # noqa: B027
        """Learn the shape of space from weighted walkers of a pilot: (walkers, ...) and (walkers,)."""


class Move(ABC):
    """A Markov step of all walkers.

    Attributes:
        sizes: of a step.
        passes: through q, of a step below the Gibbs state; H costs little beside them.
        costly: asks for ln q also in the Gibbs state, where others do not.
    """

    kernel: Kernel | None = None
    sizes: Sizes = ONE_SIZE
    passes: int = 1
    costly: bool = False

    @abstractmethod
    def __call__(
        self, walkers: Walkers, t: float, s: float, size: float, generator: torch.Generator | None
    ) -> tuple[Walkers, Tensor]:
        """Where they are then, and how probable it was that they moved: (walkers,)."""


class KernelMove(Move):
    """Steps of a kernel, tested by q."""

    def __init__(self, bridge: Bridge, kernel: Kernel) -> None:
        self.bridge, self.kernel, self.sizes = bridge, kernel, kernel.sizes

    def __call__(
        self, walkers: Walkers, t: float, s: float, size: float, generator: torch.Generator | None
    ) -> tuple[Walkers, Tensor]:
        assert self.kernel is not None
        s = self.kernel.only or s
        x, action, taken = self.kernel.step(walkers.x, walkers.action, s, size, generator)
        if t == 1.0:
            return Walkers(x, torch.full_like(action, torch.nan), action), taken
        moved = Walkers(x, self.bridge.log_q(x), action)
        change = (1 - t) * (moved.log_q - walkers.log_q) + (s - t) * (moved.action - walkers.action)
        probability = chance(change)
        return walkers.replaced(moved, coin(probability, generator)), taken * probability


class Independence(Move):
    """Fresh samples of q: they reach whatever q has."""

    costly = True

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge

    def __call__(
        self, walkers: Walkers, t: float, s: float, size: float, generator: torch.Generator | None
    ) -> tuple[Walkers, Tensor]:
        if t == 1.0:  # where the other moves leave ln q out
            walkers = replace(walkers, log_q=self.bridge.log_q(walkers.x))
        fresh = self.bridge.fresh(len(walkers.x), generator)
        probability = chance(t * (fresh.log_weights - walkers.log_weights))
        return walkers.replaced(fresh, coin(probability, generator)), probability


class Nearby(Move):
    """Steps in the latent variables of q, which has the shape of space in it; some as long as can be."""

    costly, passes = True, 2
    sizes = Sizes(1.0, 0.01, 1.0, 0.3)

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge

    def __call__(
        self, walkers: Walkers, t: float, s: float, size: float, generator: torch.Generator | None
    ) -> tuple[Walkers, Tensor]:
        longest = torch.ones_like(walkers.action)
        step = torch.where(coin(AFRESH * longest, generator), longest, size)
        if t == 1.0:  # where the other moves leave ln q out
            walkers = replace(walkers, log_q=self.bridge.log_q(walkers.x))
        moved = self.bridge.nearby(walkers.x, step, generator)
        probability = chance(t * (moved.log_weights - walkers.log_weights))
        return walkers.replaced(moved, coin(probability, generator)), probability


class Jumps(Move):
    """From the neighbourhood of one known minimum to that of another: x -> x + x_j - x_i.

    Args:
        minima: (minima, ...), at least two; each ordered pair is as probable as any other.
    """

    def __init__(self, bridge: Bridge, minima: Tensor) -> None:
        self.bridge, self.minima = bridge, minima

    def __call__(
        self, walkers: Walkers, t: float, s: float, size: float, generator: torch.Generator | None
    ) -> tuple[Walkers, Tensor]:
        count, device = len(self.minima), walkers.x.device
        first = torch.randint(count, (len(walkers.x),), generator=generator, device=device)
        further = torch.randint(1, count, (len(walkers.x),), generator=generator, device=device)
        x = walkers.x + (minima := self.minima.to(walkers.x))[(first + further) % count] - minima[first]
        action = self.bridge.action(x)
        log_q = self.bridge.log_q(x) if t < 1 else torch.full_like(action, torch.nan)
        change = t * (walkers.action - action)
        if t < 1:
            change = change + (1 - t) * (log_q - walkers.log_q)
        probability = chance(change)
        return walkers.replaced(Walkers(x, log_q, action), coin(probability, generator)), probability

    def flow(self, walkers: Walkers) -> Tensor:
        """By how much one jump of each walker would fill each well, on average: (walkers, minima).

        In the Gibbs state as much comes as goes.
        """
        minima = self.minima.to(walkers.x)
        before, total = nearest(walkers.x, minima), walkers.x.new_zeros(len(walkers.x), len(minima))
        for first in range(len(minima)):
            for second in range(len(minima)):
                x = walkers.x + minima[second] - minima[first]
                change = walkers.action - self.bridge.action(x)
                probability = chance(change)
                total += probability[:, None] * (nearest(x, minima) - before)
        return total / (len(minima) * (len(minima) - 1))


def nearest(x: Tensor, minima: Tensor) -> Tensor:
    """One where a minimum is the nearest one, zero elsewhere: (walkers, ...) -> (walkers, minima)."""
    away = torch.cdist(x.flatten(1), minima.flatten(1))
    return torch.nn.functional.one_hot(away.argmin(dim=1), len(minima)).to(x)


def chance(log_ratio: Tensor) -> Tensor:
    """min(1, e^r), by which Metropolis accepts; none where r is no number: (walkers,)."""
    return log_ratio.nan_to_num(nan=-torch.inf).clamp(max=0).exp()


def coin(probability: Tensor, generator: torch.Generator | None) -> Tensor:
    """True with these probabilities: (walkers,)."""
    p = probability
    return torch.rand(p.shape, generator=generator, dtype=p.dtype, device=p.device) < p
