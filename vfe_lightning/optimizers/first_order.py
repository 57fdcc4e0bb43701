"""The gradient of F as torch's optimisers take it, in `.grad` of the parameters."""

import math
from collections.abc import Mapping, Sequence

import torch

from vfe_lightning.errors import NotFinite
from vfe_lightning.estimate import Factor
from vfe_lightning.estimators.gradients import gradient_and_variance
from vfe_lightning.optimizers.parameters import parts
from vfe_lightning.update import Update


@torch.no_grad()
def gradients(factors: Sequence[Factor], max_norm: float = 0.0) -> Update:
    """The gradient of every factor's parameters, with its norm.

    Args:
        max_norm: longer gradients of a factor are shortened to this; 0: never.
    """
    norms, updates = {}, []
    for factor in factors:
        parameters = list(factor.module.parameters())
        if parameters:
            gradient, variance = gradient_and_variance(factor)
            norm = gradient.norm()
            norms[f"{factor.name}/gradient_norm"] = norm
            if variance is not None:
                norms[f"{factor.name}/gradient_variance"] = variance
            if max_norm:
                gradient = gradient * (max_norm / norm.clamp(min=max_norm))
            updates.append((parameters, gradient))

    def take(numbers: Mapping[str, float]) -> None:
        for factor in factors:
            if not math.isfinite(numbers.get(f"{factor.name}/gradient_norm", 0.0)):
                raise NotFinite(f"the gradient of {factor.name} is not finite; nothing was updated")
        for parameters, gradient in updates:
            for p, g in parts(gradient, parameters):
                p.grad = g.clone()

    return Update(norms, take)
