r"""Free energy of positions that a flow on the torus generates, by gradients along the path and natural ones.

The gradient is that of `pathwise`, of little noise; the metric of a natural gradient is the covariance of the
scores at fixed positions. Along the path only, at fixed parameters in ln p, nothing is inverted either: grad
ln p at what was generated is one linear solve.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from vfe_lightning import reductions
from vfe_lightning.calculus.gradient import gradient
from vfe_lightning.estimate import Estimate
from vfe_lightning.estimators.baselines import equal_weights
from vfe_lightning.estimators.gradients import clip
from vfe_lightning.estimators.pathwise import by_samples
from vfe_lightning.generative.torus_flow import TorusFlow

CLIP = 5.0  # mean absolute deviations: two particles that meet have a huge energy, and are one sample of many


def by_generation(
    model: TorusFlow,
    energy: Callable[[Tensor], Tensor],
    n_samples: int,
    beta: float,
    generator: torch.Generator | None = None,
    *,
    path_only: bool = False,
    beta_now: float | None = None,
) -> tuple[Tensor, Estimate]:
    """Fresh samples, constants to autograd, (n_samples, n, 3), and the estimate from them.

    Args:
        energy: (batch, n, 3) -> (batch,), differentiable.
        path_only: leave the score out of the gradient.
        beta_now: of the gradient; None is beta.
    """
    warm = beta if beta_now is None else beta_now
    sources: list[Tensor] = []

    def rsample(share: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        sources.append(model.start.sample(share, generator))
        return model.carried(sources[-1])

    def cost(x: Tensor, log_prob: Tensor, e: Tensor) -> Tensor:
        if path_only and torch.is_grad_enabled():
            force = model.gradient(sources[-1]) + warm * gradient(energy, x)
            return (force * x).sum(dim=(1, 2))
        return log_prob + warm * e

    x, estimate = by_samples(model, energy, n_samples, beta, cost, generator, rsample)
    (factor,) = estimate.factors
    held = replace(
        factor,
        cost=warm * estimate.energy - estimate.entropy,
        weights=partial(_of_those_within, CLIP),
        metric=partial(_centred_scores, model, torch.cat(sources)),
    )
    return x, replace(estimate, factors=(held,))


def _of_those_within(width: float, cost: Tensor) -> Tensor:
    """1 / samples, and 0 of samples whose cost would be clipped: (batch,)."""
    return equal_weights(cost) * clip(cost, width).eq(cost)


def _centred_scores(model: TorusFlow, z: Tensor) -> Tensor:
    scores = model.scores(z)
    return scores - reductions.mean(scores)
