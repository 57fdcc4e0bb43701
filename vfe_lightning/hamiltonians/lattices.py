"""Lattices as bonds between numbered sites, and couplings on them."""

import torch
from torch import Tensor

SQUARE = ((0, 1), (1, 0))
TRIANGULAR = (*SQUARE, (1, 1))  # the square lattice and one of its diagonals
STEPS = {"square": SQUARE, "triangular": TRIANGULAR}


def bonds(L: int, steps: tuple[tuple[int, int], ...], periodic: bool = True) -> Tensor:
    """Pairs of sites of an L x L lattice in raster order, each bond once: (bonds, 2).

    Args:
        steps: (rows, columns) from a site to the neighbours that come after it.
        periodic: bonds go around; at L = 2 two sites then have two bonds.
    """
    row, column = torch.meshgrid(torch.arange(L), torch.arange(L), indexing="ij")
    pairs = []
    for down, right in steps:
        inside = (row + down < L) & (column + right < L) | periodic
        neighbour = (row + down) % L * L + (column + right) % L
        pairs.append(torch.stack([(row * L + column)[inside], neighbour[inside]], dim=1))
    return torch.cat(pairs)


def couplings(bonds: Tensor, J: float | Tensor, sites: int) -> Tensor:
    """The symmetric matrix of couplings of H = -sum_bonds J s_i s_j: (sites, sites), float64.

    Any lattice is a list of bonds; J is one number, or one for each bond.
    """
    matrix = torch.zeros(sites, sites, dtype=torch.float64)
    values = torch.as_tensor(J, dtype=torch.float64).expand(len(bonds))
    matrix.index_put_((bonds[:, 0], bonds[:, 1]), values, accumulate=True)
    return matrix + matrix.mT
