"""What an optimiser makes of the factors of a density: gradients, set once all is known to be well."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from vfe_lightning import reductions
from vfe_lightning.estimate import Factor


class Update(NamedTuple):
    """The gradients of a step, which nothing has been told of yet.

    Attributes:
        norms: what is worth logging, still on the device: () each.
        take: these numbers on the host -> the gradients are set, or NotFinite is raised and nothing changed.
    """

    norms: dict[str, Tensor]
    take: Callable[[Mapping[str, float]], None]

    def at_once(self) -> dict[str, float]:
        """Take it where nothing else is brought to the host; returns the norms."""
        numbers = reductions.numbers(self.norms)
        self.take(numbers)
        return numbers


class FactorOptimizer(Protocol):
    """An optimiser that makes gradients of the factors of the density that was sampled."""

    def update(self, factors: Sequence[Factor]) -> Update:
        """The direction of every factor's parameters."""
        ...
