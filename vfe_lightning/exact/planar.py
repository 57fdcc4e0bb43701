"""Thermodynamics of one particle in a plane, and of the dimer without solvent, by quadrature on a grid."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.dimer import MIDDLE, RESTRAINT, bond
from vfe_lightning.result import Reference


@dataclass(frozen=True)
class Exact:
    """ln Z, and the free energy of one side of a dividing line less that of the other.

    Attributes:
        difference: F of the side that is named first less F of the other, in units of the energy.
    """

    log_z: float
    energy: float
    difference: float
    beta: float

    @property
    def reference(self) -> Reference:
        """F, E and S of the system."""
        free_energy = -self.log_z / self.beta
        return Reference(free_energy, self.energy, self.beta * (self.energy - free_energy))


def on_a_grid(
    energy: Callable[[Tensor], Tensor],
    beta: float,
    x: tuple[float, float],
    y: tuple[float, float],
    first: Callable[[Tensor], Tensor],
    points: int = 1200,
) -> Exact:
    """Quadrature of a density that vanishes at the borders, by the middles of `points`^2 cells.

    Its error falls exponentially; that of the difference only where the line lies between cells.

    Args:
        energy: (points, 2) -> (points,).
        x, y: the borders.
        first: whether a point belongs to the side that is named first, (points, 2) -> (points,).
    """
    middles = (torch.arange(points, dtype=torch.float64) + 0.5) / points
    grid = torch.cartesian_prod(*(a + (b - a) * middles for a, b in (x, y)))
    cell = math.log((x[1] - x[0]) / points) + math.log((y[1] - y[0]) / points)
    return _summed(energy(grid), torch.full((len(grid),), cell, dtype=torch.float64), first(grid), beta)


def gas_dimer(beta: float, points: int = 2001) -> Exact:
    """The dimer of hamiltonians.dimer without solvent; the open side, r > 3/2, is named first.

    With D = x_2 - x_1 and e = y_2 - y_1 the sums x_1 + x_2 and y_1 + y_2 are Gaussian, and the
    two variables that are left are integrated on a grid.
    """
    width = 4 + 3 / math.sqrt(beta)
    D = torch.linspace(0, width, points, dtype=torch.float64)  # even in D, and in e
    e = torch.linspace(0, width, points, dtype=torch.float64)
    log_weights = torch.full((points,), math.log(D[1] - D[0]), dtype=torch.float64)
    log_weights[0] -= math.log(2)
    both = torch.cartesian_prod(D, e)
    r = both.norm(dim=1)
    energy = bond(r) + RESTRAINT / 2 * both[:, 1].square()
    measure = torch.cartesian_prod(log_weights, log_weights).sum(dim=1) + math.log(4)
    found = _summed(energy, measure, r > MIDDLE, beta)
    # d(x_1 + x_2) d(x_2 - x_1) = 2 dx_1 dx_2, and the same for y; y_1^2 + y_2^2 = (sum^2 + difference^2) / 2
    gaussian = 0.5 * math.log(math.pi / (beta * RESTRAINT)) + 0.5 * math.log(2 * math.pi / (beta * RESTRAINT))
    return Exact(found.log_z + gaussian - 2 * math.log(2), found.energy + 1 / beta, found.difference, beta)


def _summed(energy: Tensor, log_measure: Tensor, first: Tensor, beta: float) -> Exact:
    log_weights = log_measure - beta * energy
    log_z = log_weights.logsumexp(0)
    sides = [log_weights[side].logsumexp(0) for side in (first, ~first)]
    mean = ((log_weights - log_z).exp() * energy).sum()
    return Exact(log_z.item(), mean.item(), (sides[1] - sides[0]).item() / beta, beta)
