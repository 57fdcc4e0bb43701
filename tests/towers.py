"""Derivatives of all orders up to one, by nested forward mode in a single sweep over all points."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jacfwd


def derivatives(function: Callable[[Tensor], Tensor], points: Tensor, order: int) -> tuple[Tensor, ...]:
    """f, f', f'' ... at each point: of f: (d,) -> (...) and points (batch, d), (batch, ..., d, d, ...)."""

    def tower(y: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        return function(y), ()

    for _ in range(order):
        tower = _derivative(tower)
    highest, lower = torch.vmap(tower)(points)
    return *lower, highest


def _derivative(tower: Callable) -> Callable:
    def remembering(y: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        value, lower = tower(y)
        return value, (*lower, value)

    return jacfwd(remembering, has_aux=True)
