r"""Sequential Monte Carlo from a density that is sampled to the Gibbs state, by independent populations.

$$ Z = \prod_k \sum_i W_k^i \, w(x_k^i)^{t_{k+1} - t_k}, \qquad \pi_t \propto q^{1-t} e^{-t \beta H} $$

Del Moral, Doucet & Jasra, J. R. Stat. Soc. B 68, 411 (2006); from flows Arbel, Matthews & Doucet, ICML 2021.
The t_k and the moves are those of a pilot. Populations have nothing of it or of each other but these, so that
Z of each of them is unbiased, of any number of walkers.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vfe_lightning import reductions
from vfe_lightning.samplers.bridge import Bridge, Function
from vfe_lightning.samplers.bridge_moves import Move
from vfe_lightning.samplers.pilot import FEW
from vfe_lightning.samplers.populations import Populations
from vfe_lightning.samplers.rungs import Rung

ROUNDING = 1e-6  # of float32, with room
RARE = 4  # rounds in the Gibbs state for one of what is costly


@dataclass(frozen=True)
class Climb:
    """Populations on their way, and how they came there.

    Attributes:
        height: temperatures that are behind them.
        conditional: the conditional effective sample size of each step, the mean over populations: (height,).
        acceptance: of each move at each of these temperatures, (height, moves).
    """

    populations: Populations
    height: int
    conditional: Tensor
    acceptance: Tensor


@dataclass(frozen=True)
class Series:
    """One function of configurations in the Gibbs state, by population.

    Attributes:
        means: over the walkers that came, and after each round of moves: (1 + rounds, populations, ...).
        variances: of single walkers, likewise; None of profiles.
        paired: a function of each walker and the one before it, which is of the population before.
    """

    means: Tensor
    variances: Tensor | None
    paired: bool = False

    def over_ranks(self) -> "Series":
        """The populations of all ranks."""
        means, variances = (
            None if x is None else reductions.gather(x.transpose(0, 1).contiguous()).transpose(0, 1)
            for x in (self.means, self.variances)
        )
        assert means is not None
        return Series(means, variances, self.paired)


@torch.no_grad()
def climb(
    moves: Sequence[Move],
    rungs: Sequence[Rung],
    start: Climb,
    rounds: int = 1,
    generator: torch.Generator | None = None,
) -> Iterator[Climb]:
    """Up all rungs with a stop after each; the last one is the Gibbs state, with equal weights.

    Args:
        rungs: of a pilot.
        rounds: of all moves at each temperature below, times those that the pilot has found to be needed.
    """
    here = start
    while here.height < len(rungs):
        rung = rungs[here.height]
        step = rung.t - (rungs[here.height - 1].t if here.height else 0.0)
        conditional = here.populations.conditional(step).mean()
        top = here.height + 1 == len(rungs)
        populations = here.populations.further(step).resampled(math.inf if top else FEW, generator)
        taken = torch.full_like(here.acceptance[:1], math.nan)
        if not top:
            populations, taken = moved(populations, moves, rung, rounds * rung.rounds, generator)
        here = Climb(
            populations,
            here.height + 1,
            torch.cat([here.conditional, conditional[None]]),
            torch.cat([here.acceptance, taken]),
        )
        yield here


def at_the_foot(
    bridge: Bridge, moves: Sequence[Move], populations: int, size: int, generator: torch.Generator | None
) -> Climb:
    """Independent samples of q.

    Args:
        size: walkers of each population.
    """
    drawn = Populations.drawn(bridge, populations, size, generator)
    return Climb(drawn, 0, drawn.log_z.new_empty(0), drawn.log_z.new_empty(1, len(moves))[:0])


@torch.no_grad()
def settled(
    here: Populations,
    moves: Sequence[Move],
    rung: Rung,
    rounds: int,
    measure: Mapping[str, Function],
    generator: torch.Generator | None = None,
) -> tuple[Populations, dict[str, Series], Tensor]:
    """Rounds of moves in the Gibbs state, what is measured there, and how often moves are accepted: (moves,).

    Args:
        measure: functions of configurations, (walkers, ...) -> (walkers,) or (walkers, bins); `action`,
            beta H, is measured anyway. Samples that follow each other are of populations that do.
    """
    names = ["action", *measure]
    means: dict[str, list[Tensor]] = {name: [] for name in names}
    variances: dict[str, list[Tensor]] = {name: [] for name in names}
    accepted, paired = [], set[str]()
    for turn in range(rounds + 1):
        if turn:
            here, taken = moved(here, moves, rung, 1, generator, costly=turn % RARE == 1)
            accepted.append(taken)
        count, size = here.log_shares.shape
        x = here.walkers.x.unflatten(0, (count, size)).transpose(0, 1).flatten(0, 1)
        found = {k: f(x) for k, f in measure.items()}
        if not turn:
            paired = {k for k, f in measure.items() if not _same(found[k], f(x.flip(0)).flip(0))}
        values = {"action": here.walkers.action}
        values |= {k: v.unflatten(0, (size, count)).transpose(0, 1).flatten(0, 1) for k, v in found.items()}
        for name, value in values.items():
            means[name].append(here.means(value.double()))
            if value.ndim == 1:
                variances[name].append(here.variances(value.double()))
    series = {
        name: Series(
            torch.stack(means[name]),
            torch.stack(variances[name]) if variances[name] else None,
            name in paired,
        )
        for name in names
    }
    return here, series, torch.cat(accepted).nanmean(dim=0)


def _same(one: Tensor, other: Tensor) -> bool:
    """Up to rounding, whatever the unit: of a function of single walkers, to which their order is nothing."""
    scale = one.abs().nan_to_num(posinf=0.0).amax().item()
    return torch.allclose(one, other, rtol=ROUNDING, atol=ROUNDING * scale, equal_nan=True)


def moved(
    here: Populations,
    moves: Sequence[Move],
    rung: Rung,
    rounds: int,
    generator: torch.Generator | None,
    costly: bool = True,
) -> tuple[Populations, Tensor]:
    """All moves in turn, or the others alone, and how often they were accepted, NaN of none: (1, moves)."""
    rung.enter(moves)
    rates = here.log_z.new_zeros(1, len(moves))
    for _ in range(rounds):
        for number, (move, size) in enumerate(zip(moves, rung.sizes, strict=True)):
            if number in rung.idle or (move.costly and not costly):
                rates[:, number] = math.nan
                continue
            walkers, taken = move(here.walkers, rung.t, rung.s, size, generator)
            here = replace(here, walkers=walkers)
            rates[:, number] += taken.mean() / rounds
    return here, rates
