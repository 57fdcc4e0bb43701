r"""Stochastic reconfiguration: the natural gradient of a sampled density matrix.

$$ \delta = (S + \lambda)^{-1} (g + \lambda \mu \, \delta') = \mu \delta'
   + X^T (X X^T + \lambda)^{-1} (\epsilon - \mu X \delta'), $$

with S = X^T X the Fisher matrix, g = X^T eps the gradient and delta' the previous step. The
second form is solved where there are fewer rows than parameters. mu = 0 is plain stochastic
reconfiguration: Amari, Neural Comput. 10, 251 (1998); Sorella, PRL 80, 4558 (1998); kernel form,
Chen & Heyl, Nat. Phys. 20, 1476 (2024). mu > 0 is SPRING: Goldshlager, Abrahamsen & Lin, J. Comput.
Phys. 516, 113351 (2024).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from vfe_lightning import declarations, reductions
from vfe_lightning.declarations.optimizer import TrustRegion
from vfe_lightning.errors import NotFinite
from vfe_lightning.estimate import Factor
from vfe_lightning.estimators.gradients import Rows
from vfe_lightning.optimizers.parameters import parts
from vfe_lightning.update import Update


class NaturalGradient(Optimizer):
    """theta <- theta - learning_rate * rate * scale * delta, one Fisher block a factor.

    The scale keeps the squared length of the step in the metric S + damping below `max_norm`.
    An `update` leaves the scaled delta where torch expects gradients, `step` applies it.
    """

    def __init__(self, declaration: declarations.NaturalGradient, parameters: Iterable[nn.Parameter]) -> None:
        super().__init__(parameters, dict(steps=0))
        self.declaration = declaration

    @torch.no_grad()
    def update(self, factors: Sequence[Factor]) -> Update:
        """The direction of every factor's parameters, with gradient and step norms."""
        norms, updates = {}, []
        for factor in factors:
            parameters = list(factor.module.parameters())
            if parameters:
                rows = Rows.of(factor)
                quantum = factor.quantum or factor.cost.is_complex()
                region = self.declaration.quantum if quantum else self.declaration.classical
                direction, scale, of_factor = self._direction(rows, region, parameters)
                norms |= {f"{factor.name}/{name}": value for name, value in of_factor.items()}
                updates.append((parameters, direction, scale, region))

        def take(numbers: Mapping[str, float]) -> None:
            if not all(math.isfinite(numbers[name]) for name in norms if name.endswith("step_norm")):
                raise NotFinite(
                    "the natural gradient is not finite, or the Fisher matrix not positive definite; "
                    "nothing was updated"
                )
            for parameters, direction, scale, region in updates:
                for p, d in parts(direction, parameters):
                    p.grad = region.rate * scale * d
                    if region.momentum:
                        self.state[p]["previous"] = d.clone()

        return Update(norms, take)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        if closure is not None:
            closure()
        for group in self.param_groups:
            rate = self.declaration.rate_after(group["steps"])
            group["steps"] += 1
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(p.grad, alpha=rate)
                    p.grad = None

    def _direction(
        self, rows: Rows, region: TrustRegion, parameters: list[nn.Parameter]
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Direction, scale of the trust region, norms; changes nothing."""
        previous = None
        if region.momentum:
            previous = torch.cat(
                [self.state[p].get("previous", torch.zeros_like(p)).flatten() for p in parameters]
            )
            previous = region.momentum * previous
        direction = solve(rows, region.damping, previous)
        gradient = rows.gradient()
        moved = rows.x @ direction
        squared_norm = reductions.total(moved @ moved) + region.damping * direction @ direction
        scale = (region.max_norm / squared_norm).sqrt().clamp(max=1.0)
        norms = {
            "gradient_norm": gradient.norm(),
            "step_norm": squared_norm.sqrt(),
        }
        if (variance := rows.variance(gradient)) is not None:
            norms["gradient_variance"] = variance
        return direction, scale, norms


def solve(rows: Rows, damping: float, previous: Tensor | None = None) -> Tensor:
    """(S + damping)^-1 (g + damping * previous), in the smaller of the two spaces: (parameters,).

    NaN where the matrix is not positive definite, which a GPU tells without being asked.
    """
    if rows.known is None and rows.count < rows.x.shape[1]:
        x, residual = reductions.gather(rows.x), reductions.gather(rows.residual)
        if previous is not None:
            residual = residual - x @ previous
        kernel = x @ x.mT
        kernel.diagonal().add_(damping)
        direction = x.mT @ _solve_positive(kernel, residual)
        return direction if previous is None else previous + direction
    fisher = reductions.total(rows.x.mT @ rows.x)
    fisher.diagonal().add_(damping)
    right = rows.gradient()
    return _solve_positive(fisher, right if previous is None else right + damping * previous)


def _solve_positive(matrix: Tensor, right: Tensor) -> Tensor:
    factor, info = torch.linalg.cholesky_ex(matrix)
    solution = torch.cholesky_solve(right[:, None], factor)[:, 0]
    return torch.where(info == 0, solution, torch.nan)
