"""A population that goes ahead: it chooses the temperatures and tunes the moves, and is used no more."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from vfe_lightning.errors import Diverged
from vfe_lightning.samplers.bridge import Bridge
from vfe_lightning.samplers.bridge_moves import Move
from vfe_lightning.samplers.populations import Populations

FEW = 0.5  # effective share of walkers below which they are resampled
MOST = 400  # temperatures
HALVINGS = 50  # of the interval that the next t is looked for in
TUNINGS = 4  # rounds of moves at each t, after each of which the sizes follow
GAIN = 1.5  # of the logarithm of a size, by how far the acceptance is off
ROUNDING = 1e-12  # of t


@dataclass(frozen=True)
class Rung:
    """One temperature of the way.

    Attributes:
        t: 0 is q, 1 the Gibbs state.
        s: of the kernels, see `bridge_moves`.
        sizes: of a step of each move.
    """

    t: float
    s: float
    sizes: tuple[float, ...]


@torch.no_grad()
def pilot(
    bridge: Bridge,
    moves: Sequence[Move],
    walkers: int,
    threshold: float,
    generator: torch.Generator | None = None,
    least: int = 1,
) -> list[Rung]:
    """The way, from one population.

    Args:
        threshold: the conditional effective sample size of a step, as a share.
        least: temperatures; tails of weights that no sample shows are as thin as the steps are small.

    Raises:
        Diverged: q has nothing, or far too little, of the Gibbs state.
    """
    here = Populations.drawn(bridge, 1, walkers, generator)
    alive = here.walkers.log_weights.isfinite()
    if alive.sum() < 2:
        raise Diverged("no sample of the density has an energy that is a number")
    for move in moves:
        if move.kernel:
            move.kernel.fit(here.walkers.x[alive])
    sizes = tuple(move.kernel.first if move.kernel else 1.0 for move in moves)
    t, rungs = 0.0, []
    while t < 1:
        left = 1 - t
        step = longest_step(here, min(left, 1 / least), threshold)
        t = t + step if step < left - ROUNDING else 1.0
        here = here.further(step).resampled(FEW, generator)
        s = t + (1 - t) * likeness(here)
        here, sizes = tuned(here, moves, t, s, sizes, generator)
        rungs.append(Rung(t, s, sizes))
        if len(rungs) == MOST:
            raise Diverged(f"{MOST} temperatures are not enough: the density is too far from the Gibbs state")
    return rungs


def tuned(
    here: Populations,
    moves: Sequence[Move],
    t: float,
    s: float,
    sizes: tuple[float, ...],
    generator: torch.Generator | None,
) -> tuple[Populations, tuple[float, ...]]:
    """Walkers that have moved, and the sizes at which moves are accepted as often as is wanted."""
    found = list(sizes)
    for attempt in range(TUNINGS):
        for number, move in enumerate(moves):
            if attempt and not move.kernel:
                continue
            walkers, taken = move(here.walkers, t, s, found[number], generator)
            here = replace(here, walkers=walkers)
            if kernel := move.kernel:
                off = here.means(taken).item() - kernel.wanted
                size = found[number] * math.exp(GAIN / math.sqrt(1 + attempt) * off)
                found[number] = min(max(size, kernel.least), kernel.most)
    return here, tuple(found)


def longest_step(here: Populations, most: float, threshold: float) -> float:
    """Of t, such that the conditional effective sample size is not below the threshold."""
    if here.conditional(most).item() >= threshold:
        return most
    low, high = 0.0, most
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if here.conditional(middle).item() >= threshold else (low, middle)
    return high


def likeness(here: Populations) -> float:
    """How much of beta H is in -ln q, by regression over walkers: 1 of a good density, 0 of a uniform one."""
    alive = here.walkers.log_weights.isfinite()
    action = here.walkers.action.where(alive, 0.0)
    surprise = -here.walkers.log_q.where(alive, 0.0)
    away = action - here.means(action)
    variance = here.means(away.square()).item()
    slope = here.means(away * surprise).item() / variance if variance > 0 else 1.0
    return min(max(slope, 0.0), 1.0)
