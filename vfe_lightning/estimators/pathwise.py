r"""Free energy of classical systems in continuous space, by gradients through the samples.

$$ \nabla \beta F = E_z [ \nabla_\theta ( \ln p_\theta(x_\theta(z)) + \beta E(x_\theta(z)) ) ] $$

Kingma & Welling, ICLR (2014). The mean of the score is zero, so that the theta of ln p_theta may be held
fixed: that `path_only` gradient has no variance at the optimum, and needs the inverse of the flow. Roeder,
Wu & Duvenaud, NeurIPS (2017); for lattices, Vaitl, Nicoli, Nakajima & Kessel, ICML (2022).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from vfe_lightning.calculus.gradient import gradient
from vfe_lightning.estimate import Estimate, Factor
from vfe_lightning.estimators.baselines import equal_weights
from vfe_lightning.generative.reparameterized import ReparameterizedModel

GROUPS = 2  # of samples that have a backward pass of their own, which shows the noise of the gradient
LARGE = 1000  # samples; a smaller batch is one group, since two would take nearly twice as long

Rsample = Callable[[int, torch.Generator | None], tuple[Tensor, Tensor]]


def by_path(
    model: ReparameterizedModel,
    energy: Callable[[Tensor], Tensor],
    n_samples: int,
    beta: float,
    generator: torch.Generator | None = None,
    *,
    path_only: bool = False,
    beta_now: float | None = None,
) -> tuple[Tensor, Estimate]:
    """Fresh samples of the model, constants to autograd, (n_samples, ...), and the estimate from them.

    The factor has no scores: for first-order optimisers only.

    Args:
        energy: (batch, ...) -> (batch,), differentiable.
        beta: of the free energy that is reported.
        path_only: leave the score out of the gradient.
        beta_now: of the gradient; None is beta.
    """
    warm = beta if beta_now is None else beta_now

    def cost(x: Tensor, log_prob: Tensor, e: Tensor) -> Tensor:
        if path_only and torch.is_grad_enabled():
            return along_the_path(x, lambda y: model.log_prob(y) + warm * energy(y))
        return log_prob + warm * e

    x, estimate = by_samples(model, energy, n_samples, beta, cost, generator)
    (factor,) = estimate.factors
    # numbers along the path have the right gradient and no meaning of their own
    held = replace(factor, cost=warm * estimate.energy - estimate.entropy)
    return x, replace(estimate, factors=(held,))


def by_samples(
    model: ReparameterizedModel,
    energy: Callable[[Tensor], Tensor],
    n_samples: int,
    beta: float,
    cost: Callable[[Tensor, Tensor, Tensor], Tensor],
    generator: torch.Generator | None = None,
    rsample: Rsample | None = None,
) -> tuple[Tensor, Estimate]:
    """Fresh samples, constants to autograd, and F of them; the gradient is that of the mean cost.

    Args:
        cost: x (batch, ...), ln p and the energy, (batch,), differentiable -> (batch,).
        rsample: how x and ln p are drawn, that of the model if None.
    """
    samples, energies, log_probs, costs = [], [], [], []
    for share in shares(n_samples):
        x, log_prob = (rsample or model.rsample)(share, generator)
        e = energy(x)
        costs.append(cost(x, log_prob, e))
        samples.append(x.detach())
        energies.append(e.detach())
        log_probs.append(log_prob.detach())
    x, e, log_prob = (torch.cat(parts) for parts in (samples, energies, log_probs))
    pullback = partial(pulled_back, costs, list(model.parameters()))
    factor = Factor("p", model, None, torch.cat(costs).detach(), weights=equal_weights, pullback=pullback)
    return x, Estimate(
        free_energy=e + log_prob / beta,
        energy=e,
        entropy=-log_prob,
        factors=(factor,),
        log_weights=-beta * e - log_prob,
    )


def along_the_path(x: Tensor, cost: Callable[[Tensor], Tensor]) -> Tensor:
    """Numbers whose gradient is d cost / dx . dx / d parameters at fixed cost: (batch, ...) -> (batch,)."""
    return (gradient(cost, x) * x).flatten(1).sum(dim=1)


def pulled_back(costs: list[Tensor], parameters: list[Tensor], weights: Tensor) -> Tensor:
    """sum_b weight_b d cost_b / d parameters of each group of samples: (batch,) -> (groups, parameters)."""
    rows = []
    for cost, w in zip(costs, weights.split([len(c) for c in costs]), strict=True):
        slopes = torch.autograd.grad(
            cost, parameters, w, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        rows.append(torch.cat([slope.flatten() for slope in slopes]))
    return torch.stack(rows)


def shares(n_samples: int) -> list[int]:
    """Sizes of the groups that a batch is made in."""
    groups = GROUPS if n_samples >= LARGE else 1
    return [n_samples // groups + (i < n_samples % groups) for i in range(groups)]
