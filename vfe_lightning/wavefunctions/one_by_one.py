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
            point, v, hit = _first_accepted(waiting, proposals, placed[waiting, :i], propose, generator)
            done = waiting[hit]
            z[done, i], wave[done] = point[hit], v[hit]
            waiting = waiting[~hit]
        _place(placed, i, wave)
    return z


@torch.no_grad()
def in_two_rounds(
    z: Tensor, propose: Propose, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """The same for a GPU, with shapes that no number decides: z and which walkers have missed, (batch,).

    A first round leaves exp(-4) of the walkers at most, a second for an eighth of the walkers exp(-32) of
    these; who has missed, or found no place in the second round, is to be drawn again.
    """
    batch, n, _ = z.shape
    placed = torch.zeros(batch, n, n, dtype=torch.complex128, device=z.device)
    everyone = torch.arange(batch, device=z.device)
    missed = torch.zeros_like(everyone, dtype=torch.bool)
    late = min(batch, max(64, batch // 8))
    for i in range(n):
        proposals = -(-4 * n // (n - i))
        point, wave, hit = _first_accepted(everyone, proposals, placed[:, :i], propose, generator)
        rest = torch.argsort(hit.to(torch.int8), stable=True)[:late]
        again = _first_accepted(rest, 8 * proposals, placed[rest, :i], propose, generator)
        old = hit[rest][:, None]
        z[:, i] = point.index_copy(0, rest, torch.where(old, point[rest], again[0]))
        wave = wave.index_copy(0, rest, torch.where(old, wave[rest], again[1]))
        missed = missed | ~hit.index_copy(0, rest, hit[rest] | again[2])
        _place(placed, i, wave)
    return z, missed


def _first_accepted(
    walkers: Tensor, proposals: int, placed: Tensor, propose: Propose, generator: torch.Generator | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Point and orbitals of the first accepted proposal, and whether there is one: (walkers, ...) each."""
    points, v, bound = propose(walkers, proposals)
    taken = torch.view_as_real(v @ placed.mH).square().sum(dim=(-2, -1))
    density = torch.view_as_real(v).square().sum(dim=(-2, -1)) - taken
    coin = torch.rand(bound.shape, generator=generator, dtype=bound.dtype, device=bound.device)
    accepted = coin * bound < density
    first = torch.arange(len(walkers), device=v.device), accepted.to(torch.int8).argmax(dim=1)
    return points[first], v[first], accepted.any(dim=1)


def _place(placed: Tensor, i: int, wave: Tensor) -> None:
    """Add a row, made orthonormal to those before it."""
    for _ in range(2):  # Gram-Schmidt twice is orthogonal to rounding
        overlap = wave[:, None] @ placed[:, :i].mH
        wave = wave - (overlap @ placed[:, :i])[:, 0]
    placed[:, i] = wave / wave.norm(dim=1, keepdim=True)
