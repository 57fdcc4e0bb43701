"""Newton's method for a batch of walkers, each with a step and an end of its own."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Rows = Tensor | slice  # of walkers
Field = Callable[[Tensor, Rows], tuple[Tensor, Tensor]]  # x and the rows of the walkers it is for
_SHORTEST_STEP = 2.0**-12


class Search(NamedTuple):
    """Where each walker is: (batch, ...) each."""

    x: Tensor
    trial: Tensor  # where its residual is to be found next
    direction: Tensor  # of the step that leads from x to there
    step: Tensor
    residual: Tensor
    sign: Tensor  # of the determinant where it has converged
    log_det: Tensor
    converged: Tensor

    @property
    def live(self) -> Tensor:
        """Who is neither at a solution nor at the end of its steps: (batch,)."""
        return ~self.converged & (self.step > _SHORTEST_STEP)


class Solution(NamedTuple):
    """Where each walker has come to: (batch, ...) each."""

    x: Tensor
    residual: Tensor
    sign: Tensor
    log_det: Tensor
    converged: Tensor
    iterations: int

    @classmethod
    def of(cls, search: Search, iterations: int) -> "Solution":
        return cls(search.x, search.residual, search.sign, search.log_det, search.converged, iterations)


def newton(
    field: Field, z: Tensor, start: Tensor, first_step: float, tol: float, max_iterations: int
) -> Solution:
    """Newton's method with a step for every walker; on a CPU only those not yet converged are computed."""
    search, iterations = begin(start, first_step), 0
    rows: Rows = slice(None)
    while iterations < max_iterations:
        iterations += 1
        here = Search(*(t[rows] for t in search))
        here = advance(here, *field(here.trial, rows), z[rows], tol)
        if isinstance(rows, slice):
            search = here
        else:
            search = Search(*(t.index_copy(0, rows, h) for t, h in zip(search, here, strict=True)))
        left = torch.nonzero(search.live).squeeze(1)
        if len(left) == 0:
            break
        rows = rows if z.is_cuda else left  # tensors of one shape
    return Solution.of(search, iterations)


def begin(start: Tensor, first_step: float) -> Search:
    """Before the first iteration."""
    number = torch.zeros_like(start[:, 0, 0])
    return Search(
        x=start,
        trial=start,
        direction=torch.zeros_like(start),
        step=number + 0.5 * first_step,  # doubled by the first residual, which is below infinity
        residual=number + torch.inf,
        sign=number,
        log_det=number,
        converged=number.bool(),
    )


def advance(search: Search, zeta: Tensor, jacobian: Tensor, z: Tensor, tol: float) -> Search:
    """One iteration, from zeta and its Jacobian at the trial positions; who has converged stays."""
    error = (zeta - z).flatten(1)
    norm = error.norm(dim=1)
    better = search.live & (norm < search.residual)
    done = better & (norm < tol)
    factor, pivots, _ = torch.linalg.lu_factor_ex(jacobian)
    solved = torch.linalg.lu_solve(factor, pivots, error[:, :, None]).view_as(zeta)
    diagonal = torch.diagonal(factor, dim1=1, dim2=2)
    exchanged = pivots != torch.arange(1, pivots.shape[1] + 1, dtype=pivots.dtype, device=pivots.device)
    sign = diagonal.sign().prod(1) * (1 - 2 * (exchanged.sum(1) % 2))
    taken, ended = better[:, None, None], done[:, None, None]
    direction = torch.where(taken, solved, search.direction)
    x = torch.where(taken, search.trial, search.x) - torch.where(ended, solved, 0.0)
    step = torch.where(better, (2 * search.step).clamp(max=1), 0.5 * search.step)
    return Search(
        x=x,
        trial=x - step[:, None, None] * direction,
        direction=direction,
        step=step,
        residual=torch.where(better, norm, search.residual),
        sign=torch.where(done, sign, search.sign),
        log_det=torch.where(done, diagonal.abs().log().sum(1), search.log_det),
        converged=search.converged | done,
    )
