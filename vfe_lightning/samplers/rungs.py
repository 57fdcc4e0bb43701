"""Where populations stop on their way, and how they move there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from vfe_lightning.samplers.bridge_moves import Move


@dataclass(frozen=True)
class Rung:
    """One temperature of the way.

    Attributes:
        t: 0 is q, 1 the Gibbs state.
        s: of the kernels, see `bridge_moves`.
        sizes: of a step of each move.
        shapes: of space, as the kernels have learned them there.
        rounds: of all moves, until walkers have forgotten what weights they had.
        idle: moves that cost more there than they do.
    """

    t: float
    s: float
    sizes: tuple[float, ...]
    shapes: tuple[Tensor | None, ...]
    rounds: int = 1
    idle: frozenset[int] = frozenset()

    def on(self, device: torch.device | str) -> Self:
        """The same there."""
        shapes = tuple(None if shape is None else shape.to(device) for shape in self.shapes)
        return replace(self, shapes=shapes)

    def enter(self, moves: Sequence[Move]) -> None:
        """Give the kernels their shapes of space."""
        for move, shape in zip(moves, self.shapes, strict=True):
            if move.kernel:
                move.kernel.shape = shape
