"""First-order optimisation with the score-function gradient."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from vfe_lightning import declarations
from vfe_lightning.errors import NotFinite
from vfe_lightning.estimate import Factor
from vfe_lightning.estimators.gradients import gradient_and_variance
from vfe_lightning.optimizers.parameters import parts


class Adam(torch.optim.Adam):
    """torch's Adam on the gradient of F that the factors give."""

    def __init__(self, declaration: declarations.Adam, parameters: Iterable[nn.Parameter]) -> None:
        super().__init__(parameters, lr=declaration.learning_rate)
        self.declaration = declaration
        for group in self.param_groups:
            group["steps"] = 0

    @torch.no_grad()
    def backward(self, factors: Sequence[Factor]) -> dict[str, float]:
        """Set the gradient of every factor's parameters; returns the gradient norms.

        Raises:
            NotFinite: a gradient is NaN or infinite; nothing has been changed.
        """
        metrics, updates = {}, []
        for factor in factors:
            parameters = list(factor.module.parameters())
            if parameters:
                gradient, variance = gradient_and_variance(factor)
                norm = gradient.norm()
                if not torch.isfinite(norm):
                    raise NotFinite(f"the gradient of {factor.name} is not finite; nothing was updated")
                metrics[f"{factor.name}/gradient_norm"] = norm.item()
                if not variance.isnan():
                    metrics[f"{factor.name}/gradient_variance"] = variance.item()
                if longest := self.declaration.max_norm:
                    gradient = gradient * (longest / norm.clamp(min=longest))
                updates.append((parameters, gradient))
        for parameters, gradient in updates:
            for p, g in parts(gradient, parameters):
                p.grad = g.clone()
        return metrics

    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            group["lr"] = self.declaration.rate_after(group["steps"])
            group["steps"] += 1
        super().step(closure)
