"""A potential with two states along one coordinate, and what is measured of its samples."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from vfe_lightning.exact import planar
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian
from vfe_lightning.hamiltonians.relabelling import Relabelling

BINS = 60
CELLS = 36  # of each torsion


@dataclass(frozen=True)
class Molecule:
    """A potential with two states along one coordinate.

    Attributes:
        hamiltonian: the energy U.
        minima: where chains start, (minima, ...).
        coordinate: x (batch, ...) -> reaction coordinate (batch,).
        window: the values of it that are drawn.
        divide: the value of it between the two states.
        above: the state whose F is reported less that of the other lies above the divide.
        name: of the coordinate, for the axes.
        solve: computes the exact values where they are known.
        image: an exchange of equal atoms that the flow is symmetrised over.
        relabelling: names equal particles; the flow is of configurations that are named so.
        reflections: signs of the coordinates of space that keep the energy, beside the identity.
        profile: (values of the coordinate, beta) -> exact -T ln p of it, where it is known.
        plane: two torsions that figures are drawn in: x (batch, ...) -> (batch, 2), in radians.
        units: of the energy.
    """

    hamiltonian: ContinuousHamiltonian
    minima: Tensor
    coordinate: Callable[[Tensor], Tensor]
    window: tuple[float, float]
    divide: float
    above: bool
    name: str
    solve: Callable[[], planar.Exact | None] = lambda: None
    image: Callable[[Tensor], Tensor] | None = None
    relabelling: Relabelling | None = None
    reflections: Sequence[Sequence[float]] = ()
    profile: Callable[[Tensor, float], Tensor | None] = lambda values, beta: None
    plane: Callable[[Tensor], Tensor] | None = None
    units: str = "epsilon"

    @cached_property
    def exact(self) -> planar.Exact | None:
        """Computed once."""
        return self.solve()

    def named(self, data: Tensor) -> Tensor:
        """Data as the flow has them, each with its reflections: (samples, ...) -> (images * samples, ...)."""
        if not self.relabelling:
            return data
        images = torch.stack([data, *(data * data.new_tensor(signs) for signs in self.reflections)], dim=1)
        return self.relabelling.representative(images.flatten(0, 1))

    def first(self, x: Tensor) -> Tensor:
        """Whether a configuration is in the state that is named first: (batch, ...) -> (batch,)."""
        return (self.coordinate(x) > self.divide) == self.above


def histogram(values: Tensor, window: tuple[float, float]) -> Tensor:
    """Density in equal bins of the window, one row a sample: (batch,) -> (batch, bins)."""
    low, high = window
    index = ((values - low) * (BINS / (high - low))).floor().long()
    counts = values.new_zeros(len(values), BINS)
    inside = ((index >= 0) & (index < BINS)).to(values.dtype)
    counts.scatter_(1, index.clamp(0, BINS - 1)[:, None], inside[:, None])
    return counts * (BINS / (high - low))


def torsion_histogram(torsions: Tensor) -> Tensor:
    """Density per square degree in equal bins of two torsions in radians: (batch, 2) -> (batch, bins^2)."""
    turns = (torsions / (2 * math.pi) + 0.5) % 1
    cell = (turns * CELLS).long().clamp(max=CELLS - 1)
    counts = torsions.new_zeros(len(torsions), CELLS**2)
    counts.scatter_(1, (cell[:, 0] * CELLS + cell[:, 1])[:, None], 1.0)
    return counts * (CELLS / 360) ** 2
