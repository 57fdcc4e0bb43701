r"""Averages over twists, of functions with the symmetry of the cube.

A function of a twist is periodic, so that the mean over a regular grid of q points an axis converges as fast
as its Fourier coefficients fall: exponentially in q at any finite temperature, once q is beyond the winding
number of exchanges of particles around the box. The change from q to 2 q bounds the error of 2 q.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vfe_lightning.declarations.twist import MonkhorstPack, Several, TwistAverage, Twists
from vfe_lightning.hamiltonians.periodic_box import along_axes

Floats = NDArray[np.float64]
FIRST = 4  # points along an axis of the first grid
CLOSE = 1e-12  # relative change at which more points say nothing new, ...
OF_A_BASIS = 1e-6  # ... and where a basis, which is not periodic in the twist, costs more
MOST = {1: 4096, 2: 32, 3: 16}  # points along an axis, by dimension: a few hundred that no symmetry relates


class Mean(NamedTuple):
    """Of the values of a function at each twist, with bounds on what the quadrature misses."""

    value: Floats
    error: Floats


def averaged(
    function: Callable[[tuple[float, ...]], Sequence[float] | Floats],
    twists: Twists,
    dim: int,
    close: float = CLOSE,
    cold: bool = False,
) -> Mean:
    """Of a function of one twist; exact where there is one, or a grid of them.

    Args:
        close: a relative change of the mean at which there are points enough.
        cold: the function has kinks, where levels cross.
    """
    match twists:
        case MonkhorstPack():
            found = over_grid(function, twists, dim)
            return Mean(found, np.zeros_like(found))
        case TwistAverage():
            points, most = FIRST, MOST[dim] * (2 if cold else 1)
            coarse = over_grid(function, _grid(points), dim)
            while True:
                points *= 2
                fine = over_grid(function, _grid(points), dim)
                if points >= most or bool((abs(fine - coarse) <= close * abs(fine).max()).all()):
                    return Mean(fine, abs(fine - coarse))
                coarse = fine
    found = np.asarray(function(twists), dtype=np.float64)
    return Mean(found, np.zeros_like(found))


def over_grid(
    function: Callable[[tuple[float, ...]], Sequence[float] | Floats], grid: MonkhorstPack, dim: int
) -> Floats:
    """The mean over a grid, of one twist for all that symmetry takes to each other."""
    total = sum(weight * np.asarray(function(twist)) for twist, weight in irreducible(grid, dim))
    return np.asarray(total, dtype=np.float64)


def irreducible(grid: MonkhorstPack, dim: int) -> list[tuple[tuple[float, ...], float]]:
    """Twists of a grid with 0 <= t_1 <= t_2 ..., and the share of all that each stands for."""
    axis = Counter(map(abs, grid.axis))
    nodes = []
    for twist in itertools.combinations_with_replacement(sorted(axis), dim):
        orders = math.factorial(dim) // math.prod(map(math.factorial, Counter(twist).values()))
        nodes.append((twist, orders * math.prod(axis[t] for t in twist) / grid.points**dim))
    return nodes


def corners(twist: float | Twists, dim: int) -> list[tuple[float, ...]]:
    """The twist itself; of several the corners of what symmetry leaves, between which a basis costs less."""
    if not isinstance(twist, Several):
        return [along_axes(twist, dim)]
    ends = (0.0, max(twist.axis) if isinstance(twist, MonkhorstPack) else 0.5)
    return list(itertools.combinations_with_replacement(dict.fromkeys(ends), dim))


def _grid(points: int) -> MonkhorstPack:
    return MonkhorstPack.model_construct(points=points)
