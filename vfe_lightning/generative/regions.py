"""The nested squares of an L x L torus, L a power of two, and the crosses that quarter them.

Row and column 0 of the torus bound one square of (L - 1)^2 sites. Its middle row and column, a cross, cut it
into four squares whose sites have no bonds with each other, and so on, down to squares of 3 x 3 sites.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

SMALLEST = 4  # a square of 3 x 3 sites and the lines around it
Offset = tuple[int, int]  # rows and columns from the corner where the bounding lines cross


@dataclass(frozen=True)
class Squares:
    """All squares of one size, of M - 1 rows each; their bounding lines are M apart.

    Attributes:
        rim: outer sites with bonds into a square.
        cross: its middle row and column, the centre first.
        corners: corner sites: (0, 0) for the first square of the torus.
    """

    M: int
    rim: list[Offset]
    cross: list[Offset]
    corners: Tensor  # (squares, 2)

    def sites(self, offsets: list[Offset], L: int) -> Tensor:
        """Their numbers in raster order of the L x L torus: (offsets, squares)."""
        moved = torch.tensor(offsets)[:, None] + self.corners
        row, column = (moved % L).unbind(dim=2)
        return row * L + column


def squares(L: int, M: int, steps: tuple[Offset, ...]) -> Squares:
    """The squares of an L x L torus whose bounding lines are M apart.

    Args:
        steps: (rows, columns) from a site to the neighbours that come after it.
    """
    inside = {(r, c) for r in range(1, M) for c in range(1, M)}
    outside = {
        (r + sign * down, c + sign * right) for r, c in inside for down, right in steps for sign in (1, -1)
    } - inside
    middle = M // 2
    arms = [k for k in range(1, M) if k != middle]
    cross = [(middle, middle), *((middle, c) for c in arms), *((r, middle) for r in arms)]
    start = torch.arange(0, L, M)
    return Squares(M, sorted(outside), cross, torch.cartesian_prod(start, start).view(-1, 2))


def sizes(L: int) -> list[int]:
    """The distances of bounding lines from the largest to the smallest: 16, 8, 4 for L = 16.

    Raises:
        ValueError: L is not a power of two, or less than 4.
    """
    if L < SMALLEST or L & (L - 1):
        raise ValueError(f"L = {L} cannot be halved down to {SMALLEST}")
    return [L >> k for k in range((L // SMALLEST).bit_length())]
