"""All levels of the relative motion of 2 or 3 electrons in the periodic box, at rising cutoffs."""

import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vfe_lightning.exact.relative_motion import Momentum, coupling, relative_levels
from vfe_lightning.hamiltonians.periodic_box import box_length

Floats = NDArray[np.float64]

# Largest relative kinetic energy, in (2 pi / L)^2: seconds (n = 2) to a minute (n = 3) on one core.
_CUTOFF = {
    0: {(2, 2): 800.0, (2, 3): 160.0, (3, 2): 100.0, (3, 3): 32.0},
    1: {(2, 2): 1600.0, (2, 3): 200.0, (3, 2): 70.0, (3, 3): 24.0},
}  # of spin down; electrons and dimension
_SMALLEST_CUTOFF = 8.0
_FINER = {2: 2.0, 3: 1.0}  # by what the default cutoff can be raised: a minute on one core


@dataclass(frozen=True)
class RelativeSpectrum:
    """Levels of the relative motion at a rising sequence of cutoffs; serves every theta and twist."""

    n: int
    dim: int
    rs: float
    n_down: int  # of n
    cutoffs: tuple[float, ...]  # in (2 pi / L)^2
    levels: dict[Momentum, tuple[Floats, ...]]  # class -> ascending levels per cutoff, in (2 pi / L)^2

    @property
    def unit(self) -> float:
        """(2 pi / L)^2 in Ry / r_s^2."""
        return (2 * math.pi / box_length(self.n, self.dim)) ** 2

    @property
    def coupling(self) -> float:
        """g = r_s L / (2 pi^2) = (2 r_s / L) / (2 pi / L)^2."""
        return coupling(self.n, self.dim, self.rs)


def default_cutoff(n_up: int, dim: int, n_down: int = 0) -> float:
    return _CUTOFF[n_down][n_up + n_down, dim]


def finest_cutoff(n_up: int, dim: int, n_down: int = 0) -> float:
    """The largest that takes no more than minutes."""
    return _FINER[n_up + n_down] * default_cutoff(n_up, dim, n_down)


@functools.lru_cache(maxsize=4)
def relative_spectrum(
    n_up: int, dim: int, rs: float, cutoff: float | None = None, n_down: int = 0
) -> RelativeSpectrum:
    """Levels at six cutoffs from cutoff/2 to cutoff. The expensive half of `diagonalize`."""
    n = n_up + n_down
    if n not in (2, 3) or dim not in (2, 3) or n_down not in (0, 1):
        raise ValueError(
            f"diagonalisation is for n and dim of 2 or 3, not n = {n}, dim = {dim}, and n_down of 0 or 1"
        )
    if not (math.isfinite(rs) and rs >= 0):
        raise ValueError(f"rs = {rs} must be finite and not negative")
    cutoff = default_cutoff(n_up, dim, n_down) if cutoff is None else cutoff
    if not (math.isfinite(cutoff) and cutoff >= _SMALLEST_CUTOFF):
        raise ValueError(f"cutoff = {cutoff} leaves too few determinants: take {_SMALLEST_CUTOFF} or more")
    cutoffs = tuple(float(c) for c in np.linspace(cutoff / 2, cutoff, 6))
    g = coupling(n, dim, rs)
    levels = {
        total: tuple(relative_levels(n, total, g, c, n_down) for c in cutoffs)
        for total in itertools.combinations_with_replacement(range(n // 2 + 1), dim)
    }
    return RelativeSpectrum(n, dim, rs, n_down, cutoffs, levels)
