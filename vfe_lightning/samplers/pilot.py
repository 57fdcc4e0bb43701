"""A population that goes ahead: it chooses the temperatures and tunes the moves, and is used no more."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from vfe_lightning.errors import Diverged
from vfe_lightning.samplers.bridge import Bridge
from vfe_lightning.samplers.bridge_moves import Move, nearest
from vfe_lightning.samplers.populations import Populations

FEW = 0.5  # effective share of walkers below which they are resampled
MOST = 400  # temperatures
HALVINGS = 50  # of the interval that the next t is looked for in
TUNINGS = 4  # rounds of moves at each t, after each of which the sizes follow
GAIN = 1.5  # of the logarithm of a size, by how far the acceptance is off
ROUNDING = 1e-12  # of t
MEMORY = 0.25  # correlation of ln w with itself that moves at one t may leave
LITTLE = 0.1  # variance of what is left of ln w, which may be remembered
PATIENCE = 8  # rounds of moves at one t
TAIL, FEWEST = 0.1, 8  # share of the walkers, and number of them, that are the tail of the weights
THIN = 0.1  # index of the tail of the weights of a step: of these ten moments are finite


@dataclass(frozen=True)
class Rung:
    """One temperature of the way.

    Attributes:
        t: 0 is q, 1 the Gibbs state.
        s: of the kernels, see `bridge_moves`.
        sizes: of a step of each move.
        shapes: of space, as the kernels have learned them there.
        rounds: of all moves, until walkers have forgotten what weights they had.
    """

    t: float
    s: float
    sizes: tuple[float, ...]
    shapes: tuple[Tensor | None, ...]
    rounds: int = 1

    def on(self, device: torch.device | str) -> Self:
        """The same there."""
        shapes = tuple(None if shape is None else shape.to(device) for shape in self.shapes)
        return replace(self, shapes=shapes)

    def enter(self, moves: Sequence[Move]) -> None:
        """Give the kernels their shapes of space."""
        for move, shape in zip(moves, self.shapes, strict=True):
            if move.kernel:
                move.kernel.shape = shape


@torch.no_grad()
def pilot(
    bridge: Bridge,
    moves: Sequence[Move],
    walkers: int,
    threshold: float,
    generator: torch.Generator | None = None,
    least: int = 1,
    wells: Tensor | None = None,
) -> list[Rung]:
    """The way, from one population.

    Args:
        threshold: the conditional effective sample size of a step, as a share.
        least: temperatures; tails of weights that no sample shows are as thin as the steps are small.
        wells: known minima, between which no covariance counts: (wells, ...).

    Raises:
        Diverged: q has nothing, or far too little, of the Gibbs state.
    """
    here = Populations.drawn(bridge, 1, walkers, generator)
    if here.walkers.log_weights.isfinite().sum() < 2:
        raise Diverged("no sample of the density has an energy that is a number")
    sizes = tuple(move.kernel.first if move.kernel else 1.0 for move in moves)
    t, rungs = 0.0, []
    while t < 1:
        left = 1 - t
        step = longest_step(here, min(left, 1 / least, THIN / tail(here)), threshold)
        t = t + step if step < left - ROUNDING else 1.0
        here = here.further(step)
        learn(here, moves, wells)
        here = here.resampled(FEW, generator)
        s = t + (1 - t) * likeness(here)
        here, sizes, rounds = tuned(here, moves, t, s, sizes, generator)
        shapes = tuple(move.kernel.shape if move.kernel else None for move in moves)
        rungs.append(Rung(t, s, sizes, shapes, rounds))
        if len(rungs) == MOST:
            raise Diverged(f"{MOST} temperatures are not enough: the density is too far from the Gibbs state")
    return rungs


def learn(here: Populations, moves: Sequence[Move], wells: Tensor | None) -> None:
    """The shapes of space at this t."""
    alive = here.walkers.log_weights.isfinite()
    x, shares = here.walkers.x[alive], here.log_shares.flatten()[alive].softmax(0)
    if wells is not None:
        x = x - wells.to(x)[nearest(x, wells.to(x)).argmax(dim=1)]
    for move in moves:
        if move.kernel:
            move.kernel.fit(x, shares)


def tuned(
    here: Populations,
    moves: Sequence[Move],
    t: float,
    s: float,
    sizes: tuple[float, ...],
    generator: torch.Generator | None,
) -> tuple[Populations, tuple[float, ...], int]:
    """Walkers that have moved, sizes at which moves are accepted as often as is wanted, and rounds."""
    found, before = list(sizes), here
    for attempt in range(TUNINGS):
        before = here
        for number, move in enumerate(moves):
            if 0 < attempt < TUNINGS - 1 and not move.kernel:
                continue
            walkers, taken = move(here.walkers, t, s, found[number], generator)
            here = replace(here, walkers=walkers)
            if kernel := move.kernel:
                off = here.means(taken).item() - kernel.wanted
                size = found[number] * math.exp(GAIN / math.sqrt(1 + attempt) * off)
                found[number] = min(max(size, kernel.least), kernel.most)
    return here, tuple(found), patience(here, before.log_weights.flatten(), t)


def patience(here: Populations, before: Tensor, t: float) -> int:
    """Rounds of moves that are to be made at this t, by what one of them has left of ln w.

    Steps of temperature whose weights are those of the steps before make tails that none of them has.

    Args:
        before: the round, (walkers,).
    """
    after = here.log_weights.flatten()
    after, before = after - here.means(after), before - here.means(before)
    variances = [here.means(x.square()).item() for x in (after, before)]
    if (1 - t) ** 2 * min(variances) < LITTLE:
        return 1
    left = here.means(after * before).item() / math.sqrt(math.prod(variances))
    return min(math.ceil(math.log(MEMORY) / math.log(min(max(left, 1e-9), 1 - 1e-9))), PATIENCE)


def longest_step(here: Populations, most: float, threshold: float) -> float:
    """Of t, such that the conditional effective sample size is not below the threshold."""
    if here.conditional(most).item() >= threshold:
        return most
    low, high = 0.0, most
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if here.conditional(middle).item() >= threshold else (low, middle)
    return high


def tail(here: Populations) -> float:
    """Index of the upper tail of w, as if it were Pareto's, whose powers w^step have step times as much.

    Hill, Ann. Stat. 3, 1163 (1975). The tail is heavy where the density is narrower than the Gibbs state.
    """
    log_w, order = here.log_weights.flatten().sort(descending=True)
    shares = here.log_shares.flatten()[order].exp()
    size = max(int((shares.cumsum(0) <= TAIL).sum()), min(FEWEST, len(log_w) - 1))
    above = (log_w[:size] - log_w[size]) * shares[:size]
    return max((above.sum() / shares[:size].sum()).item(), THIN)


def likeness(here: Populations) -> float:
    """How much of beta H is in -ln q, by regression over walkers: 1 of a good density, 0 of a uniform one."""
    alive = here.walkers.log_weights.isfinite()
    action = here.walkers.action.where(alive, 0.0)
    surprise = -here.walkers.log_q.where(alive, 0.0)
    away = action - here.means(action)
    variance = here.means(away.square()).item()
    slope = here.means(away * surprise).item() / variance if variance > 0 else 1.0
    return min(max(slope, 0.0), 1.0)
