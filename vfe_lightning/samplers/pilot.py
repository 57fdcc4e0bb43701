"""A population that goes ahead: it chooses the temperatures and tunes the moves, and is used no more."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from vfe_lightning.errors import Diverged
from vfe_lightning.samplers.bridge import Bridge
from vfe_lightning.samplers.bridge_moves import Move, nearest
from vfe_lightning.samplers.populations import Populations
from vfe_lightning.samplers.rungs import Rung
from vfe_lightning.samplers.temperatures import likeness, longest_step

FEW = 0.5  # effective share of walkers below which they are resampled
MOST = 400  # temperatures
TUNINGS = 4  # rounds of moves at each t, after each of which the sizes follow
GAIN = 1.5  # of the logarithm of a size, by how far the acceptance is off
ROUNDING = 1e-12  # of t
FORGOTTEN = 1e-9  # of a correlation, which is none
MEMORY = 0.25  # correlation of ln w with itself that moves at one t may leave
LITTLE = 0.1  # variance of what is left of ln w, which may be remembered
PATIENCE = 8  # rounds of moves at one t
SLOW = 0.1  # of the best move: one that forgets ln w so much more slowly, by passes through q, is left out


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
    sizes = tuple(move.sizes.first for move in moves)
    t, rungs = 0.0, list[Rung]()
    while t < 1:
        left = 1 - t
        step = longest_step(here, min(left, 1 / least), threshold)
        t = t + step if step < left - ROUNDING else 1.0
        here = here.further(step)
        learn(here, moves, wells)
        here = here.resampled(FEW, generator)
        s = t + (1 - t) * likeness(here)
        here, rung = tuned(here, moves, Rung(t, s, sizes, ()), generator)
        sizes = rung.sizes
        rungs.append(rung)
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
    here: Populations, moves: Sequence[Move], rung: Rung, generator: torch.Generator | None
) -> tuple[Populations, Rung]:
    """Walkers that have moved, and sizes at which moves are accepted as often as is wanted.

    Args:
        rung: with the sizes of the one before.
    """
    found, before, rates = list(rung.sizes), here, [0.0] * len(moves)
    for attempt in range(TUNINGS):
        before = here
        for number, move in enumerate(moves):
            if 0 < attempt < TUNINGS - 1 and not move.sizes.tunable:
                continue
            log_w, wanted = here.log_weights.flatten(), move.sizes
            walkers, taken = move(here.walkers, rung.t, rung.s, found[number], generator)
            here = replace(here, walkers=walkers)
            rates[number] = -math.log(remembered(here, log_w)) / move.passes
            if wanted.tunable:
                off = here.means(taken).item() - wanted.wanted
                size = found[number] * math.exp(GAIN / math.sqrt(1 + attempt) * off)
                found[number] = min(max(size, wanted.least), wanted.most)
    shapes = tuple(move.kernel.shape if move.kernel else None for move in moves)
    slow = {k for k, rate in enumerate(rates) if rate < SLOW * max(rates)}
    rounds = patience(here, before.log_weights.flatten(), rung.t)
    idle = frozenset(slow if rung.t < 1 else ())
    return here, replace(rung, sizes=tuple(found), shapes=shapes, rounds=rounds, idle=idle)


def remembered(here: Populations, before: Tensor) -> float:
    """Correlation of ln w with what it was, (walkers,), between 0 and 1."""
    after = here.log_weights.flatten()
    after, before = after - here.means(after), before - here.means(before)
    variance = here.means(after.square()).item() * here.means(before.square()).item()
    left = here.means(after * before).item() / math.sqrt(variance) if variance > 0 else 0.0
    return min(max(left, FORGOTTEN), 1 - FORGOTTEN)


def patience(here: Populations, before: Tensor, t: float) -> int:
    """Rounds of moves that are to be made at this t, by what one of them has left of ln w.

    Steps of temperature whose weights are those of the steps before make tails that none of them has.

    Args:
        before: the round, (walkers,).
    """
    least = min(here.variances(log_w).item() for log_w in (here.log_weights.flatten(), before))
    if (1 - t) ** 2 * least < LITTLE:
        return 1
    return min(math.ceil(math.log(MEMORY) / math.log(remembered(here, before))), PATIENCE)
