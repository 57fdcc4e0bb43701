"""Classical lattices of discrete spins by their transfer matrix, one site at a time.

The number of configurations that are kept grows with the circumference of the lattice: q^(L + 1) with open
boundaries, q^(2 L + 1) on a torus, whose first row stays until the last one comes.
"""

import torch
from torch import Tensor

from vfe_lightning.exact.elimination import Bond, eliminated
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.result import Reference

WIDEST = 16


def open_lattice(L: int, beta: float, J: float = 1.0, diagonal: bool = False) -> Reference:
    """F, E, S and C of L x L Ising spins with open boundaries; `diagonal` bonds make the lattice triangular.

    Raises:
        ValueError: wider than 16 sites.
    """
    if L > WIDEST:
        raise ValueError(f"L = {L} is too wide for the transfer matrix: at most {WIDEST}")
    bonds = lattices.bonds(L, lattices.TRIANGULAR if diagonal else lattices.SQUARE, periodic=False)
    return ising(lattices.couplings(bonds, J, L * L), torch.zeros(L * L, dtype=torch.float64), beta)


def ising(J: Tensor, h: Tensor, beta: float) -> Reference:
    """F, E, S and C of Ising spins, H = -1/2 s J s - h s, on any lattice of so few rows or columns.

    Args:
        J: symmetric couplings with a zero diagonal, (n, n), sites in the order in which they are summed over.
        h: fields, (n,).

    Raises:
        NotKnown: the lattice is too wide.
    """
    spins = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    table = spins[:, None] * spins
    # without fields the first spin is up in one half of all configurations, whose other half are their images
    first = 1 if h.any() else 2
    gains = [field * spins for field in h]
    gains[0] = gains[0][first - 1 :]
    bonds = [
        Bond(i, j, J[i, j] * (table[first - 1 :] if i == 0 else table))
        for i, j in J.triu().nonzero().tolist()
    ]
    return eliminated(gains, bonds, beta, copies=first)


def potts(bonds: Tensor, sites: int, q: int, J: float, beta: float) -> Reference:
    """F, E, S and C of colours with H = -J sum_bonds delta(s_i, s_j); one colour is that of the first site.

    Args:
        bonds: pairs of sites in the order in which they are summed over, (bonds, 2).

    Raises:
        NotKnown: the lattice is too wide.
    """
    none, table = torch.zeros(q, dtype=torch.float64), J * torch.eye(q, dtype=torch.float64)
    gains = [none[:1], *[none] * (sites - 1)]
    pairs = [sorted(pair) for pair in bonds.tolist()]
    return eliminated(gains, [Bond(i, j, table[:1] if i == 0 else table) for i, j in pairs], beta, copies=q)
