"""Lattices as bonds between numbered sites, and couplings on them."""

from collections.abc import Sequence

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


Link = tuple[int, int, int, int]  # from site a of a cell to site b of the cell (rows, columns) further
SQUARE_LINKS: tuple[Link, ...] = ((0, 0, 0, 1), (0, 0, 1, 0))
TRIANGULAR_LINKS: tuple[Link, ...] = (*SQUARE_LINKS, (0, 0, 1, 1))
KAGOME_LINKS: tuple[Link, ...] = (
    (0, 1, 0, 0), (0, 2, 0, 0), (1, 2, 0, 0), (1, 0, 0, 1), (2, 0, 1, 0), (1, 2, -1, 1)
)  # fmt: skip


def cell_bonds(
    rows: int, columns: int, links: Sequence[Link], periodic: bool = False
) -> list[tuple[int, int]]:
    """Bonds of rows x columns unit cells in raster order, the sites of a cell next to each other.

    Args:
        periodic: bonds go around; two sites of a row or column of two cells then have two bonds. No site
            is its own neighbour.
    """
    per_cell = 1 + max(max(a, b) for a, b, _, _ in links)
    bonds = []
    for row in range(rows):
        for column in range(columns):
            for a, b, down, right in links:
                y, x = row + down, column + right
                one = (row * columns + column) * per_cell + a
                other = (y % rows * columns + x % columns) * per_cell + b
                if one != other and (periodic or (0 <= y < rows and 0 <= x < columns)):
                    bonds.append((one, other))
    return bonds


def cell_blocks(rows: int, columns: int, periodic: bool = False) -> list[tuple[int, ...]]:
    """Blocks of 2 x 2 neighbouring sites in raster order, of two on a chain, every site in at least one.

    Args:
        periodic: blocks go around where there are more than two rows or columns.
    """
    height, width = min(2, rows), min(2, columns)
    around = [periodic and count > 2 for count in (rows, columns)]
    first_rows = range(rows if around[0] else rows - height + 1)
    first_columns = range(columns if around[1] else columns - width + 1)
    return [
        tuple((r + i) % rows * columns + (c + j) % columns for i in range(height) for j in range(width))
        for r in first_rows
        for c in first_columns
    ]


def couplings(bonds: Tensor, J: float | Tensor, sites: int) -> Tensor:
    """The symmetric matrix of couplings of H = -sum_bonds J s_i s_j: (sites, sites), float64.

    Any lattice is a list of bonds; J is one number, or one for each bond.
    """
    matrix = torch.zeros(sites, sites, dtype=torch.float64)
    values = torch.as_tensor(J, dtype=torch.float64).expand(len(bonds))
    matrix.index_put_((bonds[:, 0], bonds[:, 1]), values, accumulate=True)
    return matrix + matrix.mT
