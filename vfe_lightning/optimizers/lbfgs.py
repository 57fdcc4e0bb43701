"""Quasi-Newton optimisation of a free energy whose gradient has no noise."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from vfe_lightning import declarations
from vfe_lightning.errors import NotFinite
from vfe_lightning.estimate import Factor
from vfe_lightning.optimizers.first_order import gradients
from vfe_lightning.update import Update


class LBFGS(torch.optim.LBFGS):
    """torch's L-BFGS with one gradient a step: steps of bounded length in place of a line search."""

    def __init__(self, declaration: declarations.LBFGS, parameters: Iterable[nn.Parameter]) -> None:
        super().__init__(
            parameters,
            lr=declaration.learning_rate,
            max_iter=1,
            history_size=declaration.history,
            tolerance_grad=0.0,
            tolerance_change=0.0,
        )
        self.longest = declaration.longest
        for group in self.param_groups:
            group["scale"] = 0.0

    def update(self, factors: Sequence[Factor]) -> Update:
        """The gradient of every factor's parameters, in a unit of its own, with its norm.

        torch has an absolute least curvature; a power of two changes nothing else.
        """
        found = gradients(factors)

        def take(numbers: Mapping[str, float]) -> None:
            found.take(numbers)
            self._change_unit()

        return Update(found.norms, take)

    def _change_unit(self) -> None:
        [group] = self.param_groups
        gradients = [p.grad for p in group["params"]]
        largest = max(g.abs().max().item() for g in gradients)
        if not group["scale"] and largest:
            group["scale"] = 2.0 ** -round(math.log2(largest))
        for g in gradients:
            g.mul_(group["scale"])

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """Raises NotFinite where the step is NaN or infinite; nothing has been moved then."""
        [group] = self.param_groups
        before = [p.clone() for p in group["params"]]
        super().step(lambda: 0.0)  # the gradient is there; torch's value of F serves a line search alone
        moves = [p - b for p, b in zip(group["params"], before, strict=True)]
        length = max(move.abs().max().item() for move in moves)
        if not math.isfinite(length):
            for p, b in zip(group["params"], before, strict=True):
                p.copy_(b)
            raise NotFinite("the quasi-Newton step is not finite; nothing was moved")
        if length > self.longest:
            share = self.longest / length
            for p, b, move in zip(group["params"], before, moves, strict=True):
                p.copy_(b + share * move)
            self.state[group["params"][0]]["t"] *= share  # of the direction, as the next step takes it
