"""Newton's method for a batch of walkers, each with a step and an end of its own."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Rows = Tensor | slice  # of walkers
Field = Callable[[Tensor, Rows], tuple[Tensor, Tensor]]  # x and the rows of the walkers it is for
_SHORTEST_STEP = 2.0**-12
_UNASKED = 3  # iterations that nearly every batch needs


class Solution(NamedTuple):
    """Where each walker has come to: (batch, ...) each."""

    x: Tensor
    residual: Tensor
    sign: Tensor
    log_det: Tensor
    converged: Tensor
    iterations: int


def newton(
    field: Field, z: Tensor, start: Tensor, first_step: float, tol: float, max_iterations: int
) -> Solution:
    """Newton's method with a step for every walker.

    On a CPU only walkers not yet converged are computed. On a GPU all are, in tensors of one shape, and the
    host asks as seldom as it can whether one is left: what has converged stays as it is.
    """
    x, residual = start.clone(), torch.full_like(z[:, 0, 0], torch.inf)
    live = torch.ones_like(residual, dtype=torch.bool)
    converged = ~live
    step = torch.full_like(residual, first_step)
    direction = torch.zeros_like(z)
    size = z[0].numel()
    solution = z.new_zeros(len(z), size, size)  # the Jacobian where a walker has converged
    rows: Rows = slice(None)
    trial, iterations = start, 0
    while iterations < max_iterations:
        iterations += 1
        zeta, jacobian = field(trial, rows)
        error = (zeta - z[rows]).flatten(1)
        norm = error.norm(dim=1)
        better = live[rows] & (norm < residual[rows])
        solved = torch.linalg.solve_ex(jacobian, error)[0].view_as(trial)
        done = better & (norm < tol)
        taken = better[:, None, None]
        direction[rows] = torch.where(taken, solved, direction[rows])
        x[rows] = torch.where(taken, trial, x[rows]) - torch.where(done[:, None, None], solved, 0.0)
        residual[rows] = torch.where(better, norm, residual[rows])
        step[rows] = torch.where(better, (2 * step[rows]).clamp(max=1), 0.5 * step[rows])
        if iterations == 1:
            step.fill_(first_step)
        solution[rows] = torch.where(done[:, None, None], jacobian, solution[rows])
        converged[rows] |= done
        live = ~converged & (step > _SHORTEST_STEP)
        if not z.is_cuda:
            rows = torch.nonzero(live).squeeze(1)
            if len(rows) == 0:
                break
        elif iterations >= _UNASKED and not bool(live.any()):
            break
        trial = x[rows] - step[rows][:, None, None] * direction[rows]
    sign, log_det = torch.linalg.slogdet(solution)
    return Solution(x, residual, sign, log_det, converged, iterations)
