"""From the density of a system to its Gibbs state, by sequential Monte Carlo on all ranks."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from vfe_lightning import reductions
from vfe_lightning.declarations.evaluation import SequentialMonteCarlo
from vfe_lightning.errors import Diverged
from vfe_lightning.gibbs_state import GibbsState
from vfe_lightning.samplers.bridge import Bridge, Function
from vfe_lightning.samplers.bridge_moves import (
    Independence,
    Jumps,
    Kernel,
    KernelMove,
    Move,
    Nearby,
    nearest,
)
from vfe_lightning.samplers.images import Imaged
from vfe_lightning.samplers.pilot import pilot
from vfe_lightning.samplers.rungs import Rung
from vfe_lightning.samplers.sequential_monte_carlo import at_the_foot, climb, settled
from vfe_lightning.samplers.stops import Keeper, Stop
from vfe_lightning.streams import make_generator

PILOT = 0.25  # of the walkers of all populations


@dataclass(frozen=True)
class Crossing:
    """What a system gives for it.

    Attributes:
        bridge: from its density to its Gibbs state.
        kernels: of its moves.
        measure: functions whose means are wanted: (walkers, ...) -> (walkers,) or (walkers, bins).
        minima: where wells are known, (minima, ...).
        control: from a density that has no mode to lose, and its kernels; None where there is none.
    """

    bridge: Bridge
    kernels: Sequence[Kernel]
    measure: Mapping[str, Function] = field(default_factory=dict)
    minima: Tensor | None = None
    control: tuple[Bridge, Sequence[Kernel]] | None = None

    def measuring(self, asked: Mapping[str, Function]) -> "Crossing":
        """The same, with further functions."""
        return replace(self, measure={**self.measure, **asked})

    @property
    def wells(self) -> Tensor | None:
        """Minima, where there are several."""
        return self.minima if self.minima is not None and len(self.minima) > 1 else None

    def way(self, jumps: bool) -> tuple[Bridge, list[Move]]:
        """The bridge, from the density and, with jumps, its images at other minima; and all moves."""
        wells = self.wells if jumps else None
        bridge = self.bridge if wells is None else Imaged(self.bridge, wells)
        moves: list[Move] = [KernelMove(bridge, kernel) for kernel in self.kernels]
        moves.append(Nearby(bridge) if bridge.local else Independence(bridge))
        return bridge, moves if wells is None else [*moves, Jumps(bridge, wells)]


def finish(
    crossing: Crossing,
    wanted: SequentialMonteCarlo,
    seed: int,
    device: torch.device,
    step: int | None = None,
    keeper: Keeper | None = None,
) -> GibbsState:
    """All populations, each on one rank, behind the same pilot.

    Args:
        step: of a training that asks for it again and again, and for no control.
        keeper: of the stops of this rank; where all ranks have one, they go on from there.
    """
    began = time.monotonic()
    bridge, moves = crossing.way(wanted.jumps)
    generator = make_generator(device, seed, "populations", step=step)
    held = _held(keeper, device) if keeper else None
    if held is None:
        ahead = make_generator(device, seed, "pilot", step=step)
        rungs = _explored(bridge, moves, wanted, ahead, crossing.wells)
        foot = at_the_foot(bridge, moves, _local(wanted), wanted.walkers, generator)
        start = Stop(rungs, foot, generator.get_state(), 0, 0.0)
    else:
        start = Stop.of(held, device)
    began -= start.seconds
    rungs, here = start.rungs, start.here
    generator.set_state(start.random)
    for here in climb(moves, rungs, start.here, wanted.rounds, generator):
        if keeper:
            spent = start.evaluations + bridge.evaluations, time.monotonic() - began
            keeper.keep(Stop(rungs, here, generator.get_state(), *spent).plain())
    last, series, acceptance = settled(
        here.populations, moves, rungs[-1], wanted.settling, crossing.measure, generator
    )
    wells = crossing.wells
    flow = None if wells is None else last.means(Jumps(bridge, wells).flow(last.walkers))
    acceptances = torch.cat([here.acceptance[:-1], acceptance[None]])
    control, spent = None, start.evaluations + bridge.evaluations
    if crossing.control and step is None:
        control = _annealed(*crossing.control, wanted, seed, device)
        spent += crossing.control[0].evaluations
    evaluations = reductions.total(acceptance.new_tensor(float(spent)))
    if keeper:
        keeper.clear()
    return GibbsState(
        reductions.gather(here.populations.log_z),
        {name: s.over_ranks() for name, s in series.items()},
        None if flow is None else reductions.gather(flow),
        replace(here, conditional=_mean(here.conditional), acceptance=_mean(acceptances)),
        last.walkers.x,
        evaluations.item(),
        time.monotonic() - began,
        control,
    )


def _held(keeper: Keeper, device: torch.device) -> dict[str, Any] | None:
    """The stop of this rank; none where a rank was stopped before its first one."""
    held = keeper.held()
    ranks = reductions.total(torch.tensor(float(held is not None), device=device))
    return held if ranks == reductions.world_size() else None


def _local(wanted: SequentialMonteCarlo) -> int:
    """Populations of this rank."""
    return -(-wanted.populations // reductions.world_size())


def _explored(
    bridge: Bridge,
    moves: Sequence[Move],
    wanted: SequentialMonteCarlo,
    generator: torch.Generator,
    wells: Tensor | None = None,
) -> list[Rung]:
    """The way of the first rank's pilot, on all of them."""
    walkers = round(PILOT * wanted.populations * wanted.walkers)
    rungs = pilot(bridge, moves, walkers, wanted.threshold, generator, wanted.steps, wells)
    plain = reductions.of_first([rung.on("cpu") for rung in rungs])
    return [rung.on(generator.device) for rung in plain]


def _annealed(
    bridge: Bridge, kernels: Sequence[Kernel], wanted: SequentialMonteCarlo, seed: int, device: torch.device
) -> Tensor | None:
    """ln Z of as many populations from elsewhere, (populations,); None where that is too far away."""
    moves = [KernelMove(bridge, kernel) for kernel in kernels]
    generator = make_generator(device, seed, "control")
    try:
        rungs = _explored(bridge, moves, wanted, make_generator(device, seed, "pilot of the control"))
    except Diverged:
        return None
    foot = at_the_foot(bridge, moves, _local(wanted), wanted.walkers, generator)
    *_, top = climb(moves, rungs, foot, wanted.rounds, generator)
    return reductions.gather(top.populations.log_z)


def _mean(x: Tensor) -> Tensor:
    """Over the ranks, which hold one each."""
    return reductions.total(x) / reductions.world_size()


def data_of(state: GibbsState, count: int, wells: Tensor | None = None) -> Tensor:
    """Walkers of all ranks as the Z of their populations says, the same on each rank: (count, ...).

    Args:
        wells: minima that have equally many each, so that what is rare is learned, too; None: as they come.
    """
    x = reductions.gather(state.x)
    shares = state.log_z.repeat_interleave(len(x) // len(state.log_z)).log_softmax(0)
    if wells is not None:
        inside = nearest(x, wells.to(x)).mT.bool()
        of_each = shares.expand_as(inside).masked_fill(~inside, -torch.inf).logsumexp(1)
        well = inside.to(torch.int8).argmax(0)
        shares = (shares - of_each[well]).log_softmax(0)
        order = well.argsort(stable=True)  # teeth of a comb find equally many of what lies together
        x, shares = x[order], shares[order]
    teeth = (torch.arange(count, dtype=shares.dtype, device=shares.device) + 0.5) / count
    return x[torch.searchsorted(shares.exp().cumsum(0), teeth).clamp(max=len(x) - 1)]
