"""First-order optimisation with the score-function gradient."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from vfe_lightning import declarations
from vfe_lightning.estimate import Factor
from vfe_lightning.optimizers.first_order import gradients
from vfe_lightning.update import Update


class Adam(torch.optim.Adam):
    """torch's Adam on the gradient of F that the factors give."""

    def __init__(self, declaration: declarations.Adam, parameters: Iterable[nn.Parameter]) -> None:
        super().__init__(parameters, lr=declaration.learning_rate)
        self.declaration = declaration
        for group in self.param_groups:
            group["steps"] = 0

    def update(self, factors: Sequence[Factor]) -> Update:
        """The gradient of every factor's parameters, with its norm."""
        return gradients(factors, self.declaration.max_norm)

    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            group["lr"] = self.declaration.rate_after(group["steps"])
            group["steps"] += 1
        super().step(closure)
