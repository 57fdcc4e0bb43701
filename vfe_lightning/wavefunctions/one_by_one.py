r"""Exact, independent samples of fermions, |det phi_a(r_j)|^2, placed one by one.

The density is a projection determinantal point process: each particle comes from the part of sum_a |phi_a|^2
that is orthogonal to those already placed. Hough, Krishnapur, Peres & Virag, Probab. Surveys 3, 206 (2006),
algorithm 18.
"""

from collections.abc import Callable

import torch
from torch import Tensor

# (walkers, proposals) -> points (walkers, proposals, dim), orbitals there (walkers, proposals, n), and the
# bound of sum_a |phi_a|^2 that they were proposed with, (walkers, proposals)
Propose = Callable[[Tensor, int], tuple[Tensor, Tensor, Tensor]]


@torch.no_grad()
def one_by_one(z: Tensor, propose: Propose, generator: torch.Generator | None = None) -> Tensor:
    """Fills z, (batch, n, dim), with one configuration of each walker.

    About n H_n proposals a walker are needed; several are made at once and the first accepted is kept.

    Args:
        propose: points with a density that is nowhere below that of all orbitals together.
    """
    batch, n, _ = z.shape
    placed = torch.zeros(batch, n, n, dtype=torch.complex128, device=z.device)  # orthonormal rows
    for i in range(n):
        proposals = max(4, 2 * n // (n - i))
        wave = torch.empty(batch, n, dtype=torch.complex128, device=z.device)
        waiting = torch.arange(batch, device=z.device)
        while len(waiting):
            points, v, bound = propose(waiting, proposals)
            taken = torch.view_as_real(v @ placed[waiting, :i].mH).square().sum(dim=(-2, -1))
            density = torch.view_as_real(v).square().sum(dim=(-2, -1)) - taken
            coin = torch.rand(bound.shape, generator=generator, dtype=bound.dtype, device=z.device)
            accepted = coin * bound < density
            first = accepted.to(torch.int8).argmax(dim=1)
            hit = accepted.any(dim=1)
            done = waiting[hit]
            z[done, i] = points[hit, first[hit]]
            wave[done] = v[hit, first[hit]]
            waiting = waiting[~hit]
        for _ in range(2):  # Gram-Schmidt twice is orthogonal to rounding
            overlap = wave[:, None] @ placed[:, :i].mH
            wave = wave - (overlap @ placed[:, :i])[:, 0]
        placed[:, i] = wave / wave.norm(dim=1, keepdim=True)
    return z
