"""The gradient of F as torch's optimisers take it, in `.grad` of the parameters."""

import math
from collections.abc import Sequence

import torch

from vfe_lightning import reductions
from vfe_lightning.errors import NotFinite
from vfe_lightning.estimate import Factor
from vfe_lightning.estimators.gradients import gradient_and_variance
from vfe_lightning.optimizers.parameters import parts


@torch.no_grad()
def set_gradients(factors: Sequence[Factor], max_norm: float = 0.0) -> dict[str, float]:
    """Set the gradient of every factor's parameters; returns the gradient norms.

    Args:
        max_norm: longer gradients of a factor are shortened to this; 0: never.

    Raises:
        NotFinite: a gradient is NaN or infinite; nothing has been changed.
    """
    norms, updates = {}, []
    for factor in factors:
        parameters = list(factor.module.parameters())
        if parameters:
            gradient, variance = gradient_and_variance(factor)
            norm = gradient.norm()
            norms[f"{factor.name}/gradient_norm"] = norm
            norms[f"{factor.name}/gradient_variance"] = variance
            if max_norm:
                gradient = gradient * (max_norm / norm.clamp(min=max_norm))
            updates.append((parameters, gradient))
    metrics = reductions.numbers(norms)
    for factor in factors:
        if not math.isfinite(metrics.get(f"{factor.name}/gradient_norm", 0.0)):
            raise NotFinite(f"the gradient of {factor.name} is not finite; nothing was updated")
    for parameters, gradient in updates:
        for p, g in parts(gradient, parameters):
            p.grad = g.clone()
    return {name: value for name, value in metrics.items() if not math.isnan(value)}
