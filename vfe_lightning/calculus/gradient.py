"""Gradients of functions of one sample at a time, by automatic differentiation."""

from collections.abc import Callable

import torch
from torch import Tensor


def gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """d f(x_b) / d x_b of a function (batch, ...) -> (batch,), a constant to autograd: (batch, ...)."""
    with torch.enable_grad():
        y = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(function(y).sum(), y)
    return slope
