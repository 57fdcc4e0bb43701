"""Gradients of the energies of states, by the weights that samples give them."""

import torch
from torch import Tensor


def pullback(values: Tensor, parameters: list[Tensor], weights: Tensor) -> Tensor:
    """sum_b weight_b d value_b: (batch,) -> (1, parameters)."""
    gradients = torch.autograd.grad(values, parameters, weights, retain_graph=True)
    return torch.cat([g.flatten() for g in gradients])[None]


def repeated(share: Tensor, cost: Tensor) -> Tensor:
    """The same weights in each pass of sampling, which have the same states: (passes states,)."""
    passes = len(cost) // len(share)
    return share.repeat(passes) / passes
