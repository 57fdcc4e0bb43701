r"""Geometry of the electron gas: the periodic cube, its plane waves, its Fermi energy.

Lengths are in units of r_s a_0, so that a particle fills the unit ball; energies are in
Ry / r_s^2, so that the kinetic energy of exp(i k.x) is k^2.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

UNIT_BALL = {2: math.pi, 3: 4 * math.pi / 3}  # the volume of one electron


def box_length(n: int, dim: int) -> float:
    """Side of the cube of n particles at one particle per unit ball, in r_s a_0."""
    return (n * UNIT_BALL[dim]) ** (1 / dim)


def fermi_energy(dim: int, majority: float = 1.0) -> float:
    """E_F = k_F^2 in the thermodynamic limit, in Ry / r_s^2, of a spin that a share of the electrons has."""
    return (4.0 if dim == 2 else (9 * math.pi / 2) ** (2 / 3)) * majority ** (2 / dim)


def along_axes(twist: float | Sequence[float], dim: int) -> tuple[float, ...]:
    """One component for each axis, of a number that is the same along all of them."""
    return (float(twist),) * dim if isinstance(twist, int | float) else tuple(twist)


def plane_waves(dim: int, cutoff: float, twist: tuple[float, ...]) -> Tensor:
    """Wave vectors n + twist in units of 2 pi / L with integer |n|^2 <= cutoff, by rising energy.

    Degenerate orbitals stand in lexicographic order of n, so the table does not depend on a
    sorting algorithm.

    Returns:
        (orbitals, dim), float64.
    """
    reach = math.isqrt(int(cutoff))
    axis = torch.arange(-reach, reach + 1)
    n = torch.cartesian_prod(*[axis] * dim)
    n = n[(n**2).sum(dim=1) <= cutoff]
    k = n.to(torch.float64) + torch.tensor(twist, dtype=torch.float64)
    energy = (k**2).sum(dim=1)
    return k[(energy * 2**20).round().argsort(stable=True)]


def twisted(grid: Tensor, twist: Tensor) -> Tensor:
    """The plane waves of each of many twists, by rising energy: (orbitals, dim), (batch, dim).

    Args:
        grid: integer vectors, by rising length; of equal energies the first of them comes first.

    Returns:
        n + twist in units of 2 pi / L, (batch, orbitals, dim).
    """
    k = grid + twist[:, None]
    order = (k.square().sum(dim=-1) * 2**20).round().argsort(dim=-1, stable=True)
    return k.take_along_dim(order[..., None], dim=1)
