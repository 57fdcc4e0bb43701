r"""$\int e^{-A(x)} dx$ and a mean over the density, by cells that split where they have to.

Each cell has a product of Gauss-Legendre rules and is halved along every axis until both agree; the box
grows until the cells at its border hold next to nothing. The two differences bound the two errors.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.accuracy import EPSILON

Function = Callable[[Tensor], Tensor]  # (points, dim) -> (points,)
Box = list[tuple[float, float]]  # the borders along each axis

NODES = 10  # of the rule along each axis
CELLS = 12  # of the first ones along each axis
AGREEMENT = 1e-14  # of the two rules in a cell, as a share of the whole
NEGLIGIBLE = 1e-17  # share of the cells at a border
SEEN = 2.0  # a cell is not done before a node has an action so close to that of its point next to a peak
FAINT = 45.0  # actions so far above the least one have a density that does not count
LOST = 80.0  # actions so far above the least one do not count
MOST_POINTS = 2**18
MOST_SPLITS, MOST_GROWTHS = 100, 60
NOISY = 0.1  # of the density, by rounding of A


@dataclass(frozen=True)
class Integral:
    """ln of the integral and the mean of a function of x, with bounds on their errors."""

    log: float
    mean: float
    log_error: float
    mean_error: float


def integrate(
    action: Function, function: Function, box: Box, peaks: Tensor, noise: float = 0.0, ends: Box | None = None
) -> Integral:
    """Integrate over a box and what is around it.

    Args:
        action: A, infinite where the density is zero.
        function: what the mean is taken of, not negative; it does not count where the density is zero.
        box: the first borders.
        peaks: about where the density has its maxima, (peaks, dim): narrow ones are not overlooked.
        noise: of A by rounding, where the density is high.
        ends: where x ends along each axis; nowhere if None.

    Raises:
        NotKnown: the cells do not come to agree, the density has no end, or A is noise.
    """
    if not noise < NOISY:
        raise NotKnown(f"rounding leaves errors of {noise:.1g} T in the energies")
    ends = ends or [(-math.inf, math.inf)] * len(box)
    for _ in range(MOST_GROWTHS):
        found, at_border = _over_box(action, function, box, peaks, noise)
        grown: Box = []
        for (low, high), (first, last), shares in zip(box, ends, at_border.tolist(), strict=True):
            reach = (high - low) / 2
            below, above = (reach if share > NEGLIGIBLE else 0.0 for share in shares)
            grown.append((max(low - below, first), min(high + above, last)))
        if grown == box:
            return found
        box = grown
    raise NotKnown("the density has no end that quadrature could find")


def _over_box(
    action: Function, function: Function, box: Box, peaks: Tensor, noise: float
) -> tuple[Integral, Tensor]:
    """The integral, and the shares of the cells at the lower and the upper border of each axis, (dim, 2)."""
    low, high = torch.tensor(box, dtype=torch.float64).unbind(dim=1)
    at_peaks = action(peaks)
    least = at_peaks.min().item()
    important = (at_peaks < least + LOST) & ((peaks >= low) & (peaks <= high)).all(dim=1)
    peaks = peaks[important]

    def measured(corner: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
        """Integrals of the density and of the function times it, (cells, 2), and the least A, (cells,)."""
        nodes, weights = _rule(len(low))
        x = corner[:, None] + nodes * size
        a = action(x.flatten(0, 1)).view(len(corner), -1)
        density = weights * size.prod() * (least - a).exp()
        f = function(x.flatten(0, 1)).view(len(corner), -1).where(density > 0, 0.0)
        return torch.stack([density.sum(dim=1), (density * f).sum(dim=1)], dim=1), a.amin(dim=1)

    halves = torch.tensor(list(product((0.0, 1.0), repeat=len(low))), dtype=torch.float64)
    size = (high - low) / CELLS
    corner = low + torch.tensor(list(product(range(CELLS), repeat=len(low))), dtype=torch.float64) * size
    sums, _ = measured(corner, size)
    whole, errors, at_border = (
        torch.zeros(2).double(),
        torch.zeros(2).double(),
        torch.zeros(len(low), 2).double(),
    )
    first_size = size
    for _ in range(MOST_SPLITS):
        if len(corner) * (2 * NODES) ** len(low) > MOST_POINTS:
            break
        parts = (corner[:, None] + halves * (size / 2)).flatten(0, 1)
        fine, least_action = measured(parts, size / 2)
        joined = fine.view(len(corner), -1, 2).sum(dim=1)
        difference = (joined - sums).abs()
        settled = (difference <= (AGREEMENT + noise) * (whole + joined.sum(dim=0))).all(dim=1)
        nearest = peaks.clamp(corner[:, None], corner[:, None] + size)
        there = action(nearest.flatten(0, 1)).view(nearest.shape[:2])
        seen = least_action.view(len(corner), -1).amin(dim=1)[:, None] < there + SEEN
        settled &= (seen | (there > least + FAINT)).all(dim=1)
        whole, errors = whole + joined[settled].sum(dim=0), errors + difference[settled].sum(dim=0)
        ends = torch.stack([corner < low + first_size / 2, corner + size > high - first_size / 2], dim=2)
        at_border = at_border + (joined[:, :1, None] * ends)[settled].sum(dim=0)
        if settled.all():
            z, moment = whole.tolist()
            relative = errors[0].item() / z + noise + NODES * EPSILON
            mean_error = errors[1].item() / z + 2 * relative * moment / z
            found = Integral(math.log(z) - least, moment / z, relative + EPSILON * abs(least), mean_error)
            return found, at_border / z
        again = ~settled.repeat_interleave(len(halves))
        corner, sums, size = parts[again], fine[again], size / 2
    raise NotKnown("quadrature does not converge here")


def _rule(dim: int) -> tuple[Tensor, Tensor]:
    """The product rule of the unit cell: nodes (nodes^dim, dim), weights (nodes^dim,)."""
    x, w = (torch.from_numpy(a) / 2 for a in np.polynomial.legendre.leggauss(NODES))
    nodes = torch.tensor(list(product((x + 0.5).tolist(), repeat=dim)), dtype=torch.float64)
    return nodes, torch.tensor([math.prod(p) for p in product(w.tolist(), repeat=dim)], dtype=torch.float64)
