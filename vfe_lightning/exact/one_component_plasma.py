r"""The classical one-component plasma: two ions exactly, and what is known of the infinite one.

F beyond the ideal gas in kT, of all ions in the cube, or of one ion of the infinite plasma as
f(Gamma) = int_0^Gamma u(G) / G dG.
"""

import math

import torch

from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.hamiltonians.plasma import Plasma
from vfe_lightning.result import Reference

POINTS = 24  # and half as many, which tell the error


def two_ions(gamma: float, points: int = POINTS) -> Reference:
    """By one integral over their distance: midpoints in an octant of the cube, `points` along its side."""
    plasma = Plasma(2, gamma)

    def moments(points: int) -> tuple[float, float]:
        """ln Z, the volume taken off, and <U>."""
        axis = (torch.arange(points, dtype=torch.float64) + 0.5) / (2 * points)
        r = torch.combinations(axis, 3, with_replacement=True)
        equal = (r[:, :-1] == r[:, 1:]).sum(dim=1)
        orders = torch.tensor([6.0, 3.0, 1.0], dtype=r.dtype)[equal].log()
        u = plasma.energy(torch.stack([torch.zeros_like(r), r], dim=1))
        log_z = (orders - u).logsumexp(0)
        return log_z.item() - 3 * math.log(points), ((orders - u - log_z).exp() @ u).item()

    (coarse, coarse_energy), (log_z, energy) = moments(points // 2), moments(points)
    rounding = 1e3 * EPSILON * (1 + gamma)
    return Reference.thermal(
        log_z, energy, 1.0, abs(log_z - coarse) + rounding, abs(energy - coarse_energy) + rounding
    )


def potekhin_chabrier(gamma: float) -> float:
    """f of the infinite liquid up to Gamma = 190, within 1e-3 of simulations and right for Gamma -> 0.

    Potekhin & Chabrier, PRE 62, 8554 (2000), eq. (16).
    """
    a1, a2, b1, b2, b3, b4 = -0.9070, 0.62954, 4.56e-3, 211.6, -1.0e-4, 4.62e-3
    a3 = -math.sqrt(3) / 2 - a1 / math.sqrt(a2)
    root, ratio = math.sqrt(gamma), gamma / a2
    return (
        a1 * (math.sqrt(gamma * (a2 + gamma)) - a2 * math.asinh(math.sqrt(ratio)))
        + 2 * a3 * (root - math.atan(root))
        + b1 * (gamma - b2 * math.log1p(gamma / b2))
        + b3 / 2 * math.log1p(gamma**2 / b4)
    )
