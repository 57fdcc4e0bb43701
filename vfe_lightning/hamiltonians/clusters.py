"""Arrangements of atoms to start from."""

import math

import torch
from torch import Tensor


def icosahedron(edge: float = 1.0) -> Tensor:
    """A centre and the 12 corners around it, the minimum of 13 Lennard-Jones atoms: (13, 3)."""
    phi = (1 + math.sqrt(5)) / 2
    corners = [(0.0, a, b * phi) for a in (1, -1) for b in (1, -1)]
    turned = [(c[i], c[(i + 1) % 3], c[(i + 2) % 3]) for c in corners for i in range(3)]
    return torch.tensor([(0.0, 0.0, 0.0), *turned], dtype=torch.float64) * (edge / 2)
