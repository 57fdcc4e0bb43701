"""Protons that several tests place."""

import math

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.periodic_box import box_length

MOLECULE = 1.4  # Bohr


def cube(n: int, rs: float) -> float:
    """Side of the cube of n atoms, in Bohr."""
    return rs * box_length(n, 3)


def two_atoms(rs: float = 2.0) -> tuple[Tensor, float]:
    """A molecule along x: protons (2, 3) and the side of the cube."""
    return torch.tensor([[0.0, 0.0, 0.0], [MOLECULE, 0.0, 0.0]], dtype=torch.float64), cube(2, rs)


def two_molecules(rs: float = 2.0) -> tuple[Tensor, float]:
    """One along x, and one along y in the middle of the cube."""
    length = cube(4, rs)
    c = length / 2
    places = [[0.0, 0.0, 0.0], [MOLECULE, 0.0, 0.0], [c, c, c], [c, c + MOLECULE, c]]
    return 1 + torch.tensor(places, dtype=torch.float64), length


def crowd(geometries: int, n: int, length: float) -> Tensor:
    """Protons anywhere, (geometries, n, 3)."""
    generator = torch.Generator().manual_seed(n)
    return length * torch.rand(geometries, n, 3, generator=generator, dtype=torch.float64)


def body_centred(rs: float) -> tuple[Tensor, float]:
    """16 protons of a crystal."""
    length = cube(16, rs)
    corner = torch.cartesian_prod(*[torch.arange(2, dtype=torch.float64)] * 3)
    return length / 2 * torch.cat([corner, corner + 0.5]), length


assert math.isclose(two_molecules()[1], 5.11776, rel_tol=1e-5)
