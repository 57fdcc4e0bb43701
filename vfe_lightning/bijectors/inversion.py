r"""Inverse of a flow: solve zeta(x) = z for every walker, or say that it cannot be done.

Two Picard steps x <- x - (zeta(x) - z) remove the common displacement (a trained flow is not a contraction,
so more of them need not converge), then Newton's method with the flow's Jacobian, the step halved when a
walker's residual grows.  A walker that still fails is never dropped, which would bias the samples: it is
tried again from short steps, and then followed along zeta_t = x + t (zeta - x) from t = 0 to 1.
On the torus zeta = x + f(x), f periodic, is a bijection if and only if det J > 0 everywhere.
"""

from functools import partial
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from vfe_lightning.bijectors.newton import Field, Rows, Search, Solution, advance, begin, newton
from vfe_lightning.calculus.replay import replayed
from vfe_lightning.errors import NotInvertible

_UNASKED = 3  # iterations that nearly every batch needs


class InvertibleFlow(Protocol):
    """A map x -> zeta with its Jacobian."""

    def __call__(self, x: Tensor, momentum: Tensor | None = None) -> Tensor:
        """zeta (batch, n, dim)."""
        ...

    def jac(self, x: Tensor, momentum: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """zeta and J (batch, n dim, n dim)."""
        ...


class Inversion(NamedTuple):
    """The solution and how it was reached."""

    x: Tensor  # (batch, n, dim), on the sheet of z: not folded back into the box
    iterations: int  # Newton iterations of the slowest walker, over all attempts
    residual: Tensor  # (batch,), |zeta(x) - z| before the last correction: an upper bound
    sign: Tensor  # (batch,), of det J: +1, anything else has raised
    log_det: Tensor  # (batch,), ln det J


@torch.no_grad()
def invert(
    flow: InvertibleFlow,
    z: Tensor,
    tol: float = 1e-10,
    max_iterations: int = 40,
    chunk_size: int = 128,
    momentum: Tensor | None = None,
) -> Inversion:
    """x with zeta(x) = z, both (batch, n, dim).

    Args:
        tol: accepted norm of a walker's residual; one more Newton correction follows, so the true error is
            of the order of tol^2 or of rounding.
        max_iterations: of Newton's method, an attempt.
        chunk_size: walkers whose Jacobians are made at a time on a CPU.
        momentum: total momentum of each walker's K, (batch, dim), for flows that depend on it.

    Raises:
        NotInvertible: if a walker has no solution or det J <= 0 there.
    """
    given = () if momentum is None else (momentum,)

    def field(x: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
        size = len(x) if x.is_cuda else chunk_size
        chunks = zip(x.split(size), *(t[rows].split(size) for t in given), strict=True)
        parts = [flow.jac(*chunk) for chunk in chunks]
        if len(parts) == 1:  # spares a copy of every Jacobian
            return parts[0]
        return torch.cat([zeta for zeta, _ in parts]), torch.cat([jacobian for _, jacobian in parts])

    if z.is_cuda:
        best, sound = _together(flow, z, given, tol, max_iterations)
    else:
        start = z
        for _ in range(2):
            chunks = zip(start.split(chunk_size), *(t.split(chunk_size) for t in given), strict=True)
            start = start + z - torch.cat([flow(*chunk) for chunk in chunks])
        best = newton(field, z, start, 1.0, tol, max_iterations)
        sound = bool((best.converged & (best.sign > 0)).all())
    if sound:
        return Inversion(best.x, best.iterations, best.residual, best.sign, best.log_det)
    iterations = best.iterations
    for attempt in (_cautious, _homotopy):
        failed = torch.nonzero(~best.converged).squeeze(1)
        if len(failed) == 0:
            break
        again = attempt(partial(_restricted, field, failed), z[failed], tol, max_iterations)
        iterations += again.iterations
        merged = [t.index_copy(0, failed, s) for t, s in zip(best[:-1], again[:-1], strict=True)]
        best = Solution._make([*merged, iterations])
    _require_bijection(best, tol)
    return Inversion(best.x, iterations, best.residual, best.sign, best.log_det)


def _together(
    flow: InvertibleFlow, z: Tensor, given: tuple[Tensor, ...], tol: float, max_iterations: int
) -> tuple[Solution, bool]:
    """Newton's method of all walkers in few launches, for a GPU, and whether all is well with all of them.

    The host asks once where that is so, and once more for each iteration after the first ones.
    """
    search, iterations = replayed(_unasked, flow, z, given, tol), _UNASKED
    while True:
        sound = (search.converged & (search.sign > 0)).all()
        sound, live = torch.stack([sound, search.live.any()]).tolist()
        if not live or iterations >= max_iterations:
            return Solution.of(search, iterations), sound
        search = replayed(_once, flow, z, given, tol, search)
        iterations += 1


def _unasked(flow: InvertibleFlow, z: Tensor, given: tuple[Tensor, ...], tol: float) -> Search:
    start = z
    for _ in range(2):
        start = start + z - flow(start, *given)
    search = begin(start, 1.0)
    for _ in range(_UNASKED):
        search = _once(flow, z, given, tol, search)
    return search


def _once(flow: InvertibleFlow, z: Tensor, given: tuple[Tensor, ...], tol: float, search: Search) -> Search:
    return advance(search, *flow.jac(search.trial, *given), z, tol)


def _restricted(field: Field, walkers: Tensor, x: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
    """The field of some of the walkers, whose rows are counted among themselves."""
    return field(x, walkers[rows])


def _cautious(field: Field, z: Tensor, tol: float, max_iterations: int) -> Solution:
    """Newton's method that begins with short steps at z itself, where no Picard step has overshot."""
    return newton(field, z, z, 1 / 16, tol, 4 * max_iterations)


def _homotopy(field: Field, z: Tensor, tol: float, max_iterations: int) -> Solution:
    """Follow the solution of x + t (zeta(x) - x) = z from x = z at t = 0 to t = 1, adaptive in t."""
    unit = torch.eye(z[0].numel(), dtype=z.dtype, device=z.device)

    def mixed(t: float) -> Field:
        def at(x: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
            zeta, jacobian = field(x, rows)
            return x + t * (zeta - x), unit + t * (jacobian - unit)

        return at

    x, t, increment, iterations = z, 0.0, 0.125, 0
    while True:
        target = min(1.0, t + increment)
        attempt = newton(mixed(target), z, x, 1.0, tol, max_iterations)
        iterations += attempt.iterations
        if bool(attempt.converged.all()):
            if target == 1.0:
                return attempt._replace(iterations=iterations)
            x, t, increment = attempt.x, target, 2 * increment
        elif increment > 1e-3:
            increment /= 2
        else:
            return attempt._replace(iterations=iterations)


def _require_bijection(solution: Solution, tol: float) -> None:
    remedy = (
        "The flow is not a bijection here and the wavefunctions would not be orthonormal: return to earlier "
        "parameters, and train with a smaller learning rate or max_norm, or with smaller weights."
    )
    batch = len(solution.x)
    failed = ~solution.converged
    if bool(failed.any()):
        worst = float(solution.residual[failed].max())
        raise NotInvertible(
            f"no solution of zeta(x) = z found for {int(failed.sum())} of {batch} walkers by Newton, "
            f"damped Newton and homotopy: worst residual {worst:.2e}, tolerance {tol:.0e}. {remedy}"
        )
    folded = solution.sign <= 0
    if bool(folded.any()):
        raise NotInvertible(
            f"det J <= 0 at the solution for {int(folded.sum())} of {batch} walkers. {remedy}"
        )
