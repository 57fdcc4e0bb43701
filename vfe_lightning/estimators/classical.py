r"""Free energy of classical systems, $\beta F = E_{s \sim p} [ \ln p(s) + \beta E(s) ]$.

Wu, Wang & Zhang, PRL 122, 080602 (2019). While beta is annealed, the gradient is that at the beta of the
moment, and what is reported is at the beta of the system.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from vfe_lightning.estimate import Estimate, Factor
from vfe_lightning.estimators.baselines import Baseline, equal_weights
from vfe_lightning.generative.bernoulli import BernoulliProduct
from vfe_lightning.generative.model import GenerativeModel

GROUPS = 2  # of samples that have a backward pass of their own, which shows the noise of the gradient


def by_score_function(
    x: Tensor,
    energy: Tensor,
    model: GenerativeModel,
    beta: float,
    weights: Baseline,
    beta_now: float | None = None,
) -> Estimate:
    """Estimate from samples x of the model and their energies, (batch, sites) and (batch,).

    Args:
        beta: of the free energy that is reported.
        weights: a baseline, see `estimators.baselines`.
        beta_now: of the gradient; None is beta.
    """
    log_probs = [model.log_prob(part) for part in x.chunk(GROUPS)]
    log_prob = torch.cat(log_probs).detach()
    cost = log_prob + (beta if beta_now is None else beta_now) * energy
    pullback = partial(_pullback, log_probs, list(model.parameters()))
    factor = Factor("p", model, partial(model.scores, x), cost, weights=weights, pullback=pullback)
    return _estimate(energy, log_prob, beta, factor)


def measure_valued(
    x: Tensor,
    energy: Callable[[Tensor], Tensor],
    model: BernoulliProduct,
    beta: float,
    beta_now: float | None = None,
) -> Estimate:
    """Estimate whose gradient flips every spin of every sample; arguments as of `by_score_function`.

    Its factor has no scores: for first-order optimisers only.
    """
    with torch.no_grad():
        log_prob, value = model.log_prob(x), energy(x)
    rows = measure_valued_gradients(x, energy, model, beta if beta_now is None else beta_now)
    pullback = partial(weighted_rows, rows)
    factor = Factor("p", model, None, log_prob, weights=equal_weights, pullback=pullback)
    return _estimate(value, log_prob, beta, factor)


def weighted_rows(rows: Tensor, weights: Tensor) -> Tensor:
    """sum_b weight_b row_b of each group of samples: (batch, parameters) -> (groups, parameters)."""
    return torch.stack([w @ r for w, r in zip(weights.chunk(GROUPS), rows.chunk(GROUPS), strict=True)])


def _estimate(energy: Tensor, log_prob: Tensor, beta: float, factor: Factor) -> Estimate:
    return Estimate(
        free_energy=energy + log_prob / beta,
        energy=energy,
        entropy=-log_prob,
        factors=(factor,),
        log_weights=-beta * energy - log_prob,
    )


def _pullback(log_probs: list[Tensor], parameters: list[Tensor], weights: Tensor) -> Tensor:
    """sum_b weight_b d ln p_b of each group of samples: (batch,) -> (groups, parameters)."""
    rows = []
    for log_prob, w in zip(log_probs, weights.split([len(t) for t in log_probs]), strict=True):
        gradients = torch.autograd.grad(log_prob, parameters, w, retain_graph=True)
        rows.append(torch.cat([g.flatten() for g in gradients]))
    return torch.stack(rows)


def measure_valued_gradients(
    x: Tensor, energy: Callable[[Tensor], Tensor], model: BernoulliProduct, beta: float
) -> Tensor:
    r"""d (beta F) / d logits from each sample, by flipping each spin: (batch, sites) -> (batch, sites).

    $\partial F / \partial l_i = p_i (1 - p_i) E[ f(s_i = 1) - f(s_i = -1) ]$ for independent spins: Mohamed
    et al., J. Mach. Learn. Res. 21, 132 (2020), section 6. An energy that is linear in each spin
    changes by twice its derivative.
    """
    with torch.enable_grad():
        s = x.detach().requires_grad_()
        (field,) = torch.autograd.grad(energy(s).sum(), s)
    logits = model.logits.detach()
    p = logits.sigmoid()
    return p * (1 - p) * (2 * beta * field + logits)
