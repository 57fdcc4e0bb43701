"""Which parameters are quoted: their mean over the training, the last ones, or those that it started from.

All are compared on the same random numbers, and the quoted numbers come from others, so that choosing the
lowest has no bias.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.statistics import Moments

Parameters = Mapping[str, Tensor]
BEYOND = 2.0  # errors of a difference that count as one: what is chosen is evaluated afresh


class Selection:
    """The candidates of one run.

    Attributes:
        start: the parameters before any training.
        found: what training lowers, by the names of the candidates; None where it is not finite.
        chosen: the name of those that are quoted; None before there are any.
    """

    def __init__(self, system: VariationalFreeEnergy) -> None:
        self.start = parameters_of(system)
        self.found: dict[str, Moments | None] = {}
        self.chosen: str | None = None

    def choose(
        self, system: VariationalFreeEnergy, mean: Parameters | None, measure: Callable[[], None] | None
    ) -> str:
        """Give the system the best parameters of all; returns what they are.

        Args:
            mean: of the training, where there is one.
            measure: a validation loop, which leaves `system.objective`; None where nothing was trained.
        """
        if measure is None:
            self.chosen = "start"
            return self.chosen
        candidates = {"mean": mean} if mean is not None else {}
        candidates |= {"last": parameters_of(system), "start": self.start}
        self.chosen = next(iter(candidates))
        if system.comparable:
            system.comparing = True
            for name, parameters in candidates.items():
                put(parameters, system)
                measure()
                self.found[name] = system.objective
            system.comparing = False
            self.chosen = lowest(self.found)
        put(candidates[self.chosen], system)
        return self.chosen

    def plain(self) -> dict[str, dict[str, Any]] | None:
        """What was found as plain data."""
        return {name: m.plain() for name, m in self.found.items() if m is not None} or None


def parameters_of(system: VariationalFreeEnergy) -> Parameters:
    """A copy of all parameters, by their names."""
    return {name: p.detach().clone() for name, p in system.named_parameters()}


@torch.no_grad()
def put(parameters: Parameters, system: VariationalFreeEnergy) -> None:
    """Give the system these parameters."""
    for name, p in system.named_parameters():
        p.copy_(parameters[name])


def lowest(found: Mapping[str, Moments | None]) -> str:
    """The first of the candidates, unless a later one is lower beyond the errors of both."""
    names = list(found)
    best = names[0]
    for name in names[1:]:
        old, new = found[best], found[name]
        if new is None:
            continue
        if old is None or new.mean + BEYOND * torch.hypot(old.error, new.error) < old.mean:
            best = name
    return best
