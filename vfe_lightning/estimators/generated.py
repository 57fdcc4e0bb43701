r"""Free energy of positions that a flow on the torus generates, by gradients along the path and natural ones.

The gradient is that of `pathwise`, of little noise; the metric of a natural gradient is the covariance of the
scores at fixed positions. Along the path only, at fixed parameters in ln p, nothing is inverted either: grad
ln p at what was generated is one linear solve.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from vfe_lightning import reductions
from vfe_lightning.calculus.gradient import gradient
from vfe_lightning.estimate import Estimate, Factor
from vfe_lightning.estimators.baselines import equal_weights
from vfe_lightning.estimators.gradients import clip
from vfe_lightning.estimators.pathwise import pulled_back, shares
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
) -> tuple[Tensor, Estimate]:
    """Fresh samples, constants to autograd, (n_samples, n, 3), and the estimate from them.

    Args:
        energy: (batch, n, 3) -> (batch,), differentiable.
        path_only: leave the score out of the gradient.
    """
    sources, samples, energies, log_probs, costs = [], [], [], [], []
    for share in shares(n_samples):
        z = model.start.sample(share, generator)
        x, log_prob = model.carried(z)
        e = energy(x)
        cost = log_prob + beta * e
        if path_only and torch.is_grad_enabled():
            force = model.gradient(z) + beta * gradient(energy, x)
            cost = (force * x).sum(dim=(1, 2))
        costs.append(cost)
        sources.append(z)
        samples.append(x.detach())
        energies.append(e.detach())
        log_probs.append(log_prob.detach())
    z, x, e, log_prob = (torch.cat(parts) for parts in (sources, samples, energies, log_probs))
    cost = log_prob + beta * e
    factor = Factor(
        "p",
        model,
        None,
        cost,
        weights=partial(_of_those_within, CLIP),
        pullback=partial(pulled_back, costs, list(model.parameters())),
        metric=partial(_centred_scores, model, z),
    )
    return x, Estimate(
        free_energy=e + log_prob / beta,
        energy=e,
        entropy=-log_prob,
        factors=(factor,),
        log_weights=-beta * e - log_prob,
    )


def _of_those_within(width: float, cost: Tensor) -> Tensor:
    """1 / samples, and 0 of samples whose cost would be clipped: (batch,)."""
    return equal_weights(cost) * clip(cost, width).eq(cost)


def _centred_scores(model: TorusFlow, z: Tensor) -> Tensor:
    scores = model.scores(z)
    return scores - reductions.mean(scores)
