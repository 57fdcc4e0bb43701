"""Quasi-Newton optimisation of a free energy whose gradient has no noise."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from vfe_lightning import declarations
from vfe_lightning.estimate import Factor
from vfe_lightning.optimizers.first_order import set_gradients


class LBFGS(torch.optim.LBFGS):
    """torch's L-BFGS with one gradient a step and no line search."""

    def __init__(self, declaration: declarations.LBFGS, parameters: Iterable[nn.Parameter]) -> None:
        super().__init__(
            parameters,
            lr=declaration.learning_rate,
            max_iter=1,
            history_size=declaration.history,
            tolerance_grad=0.0,
            tolerance_change=0.0,
        )

    def backward(self, factors: Sequence[Factor]) -> dict[str, float]:
        """Set the gradient of every factor's parameters; returns the gradient norms.

        Raises:
            NotFinite: a gradient is NaN or infinite; nothing has been changed.
        """
        return set_gradients(factors)

    def step(self, closure: Any = None) -> None:
        super().step(lambda: 0.0)  # the gradient is there; torch's value of F serves a line search alone
