r"""Boltzmann generators: a flow that learns from the energy, from samples of the Gibbs state, or from both.

$$ L = w_{KL} E_p [ \ln p + \beta U ] - w_{ML} E_{data} [ \ln p ] $$

Noe, Olsson, Koehler & Wu, Science 365, eaaw1147 (2019). The energy alone finds one mode and may never see
another, which its own weights do not reveal: `coverage` looks from the side of the data.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from vfe_lightning.estimate import Estimate, Factor
from vfe_lightning.estimators.baselines import equal_weights
from vfe_lightning.estimators.pathwise import pulled_back, shares
from vfe_lightning.generative.reparameterized import ReparameterizedModel

RARE = 100.0  # a sample that p makes so many times too seldom is not covered


@dataclass(frozen=True)
class Training:
    """What a Boltzmann generator learns from.

    Attributes:
        data: samples of the Gibbs state or of its modes, (samples, ...).
        energy_weight: of E_p[ln p + beta U].
        data_weight: of -E_data[ln p].
        cap: beta U beyond this one counts as cap + ln(1 + beta U - cap) in the gradient.
    """

    data: Tensor
    energy_weight: float
    data_weight: float
    cap: float


def by_energy_and_data(
    model: ReparameterizedModel,
    energy: Callable[[Tensor], Tensor],
    n_samples: int,
    beta: float,
    training: Training,
    generator: torch.Generator | None = None,
    log_images: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Estimate]:
    """Fresh samples of the model, constants to autograd, (n_samples, ...), and the estimate from them.

    What is reported is F of the samples; data and the cap are in the gradient only.

    Args:
        log_images: ln of how many configurations a sample stands for in the weights, see
            `hamiltonians.relabelling`; None: for itself.
    """
    samples, energies, log_probs, costs = [], [], [], []
    for share in shares(n_samples):
        x, log_prob = model.rsample(share, generator)
        e = energy(x)
        cost = training.energy_weight * (log_prob + capped(beta * e, training.cap))
        if training.data_weight and torch.is_grad_enabled():
            picked = torch.randint(len(training.data), (share,), generator=generator, device=x.device)
            cost = cost - training.data_weight * model.log_prob(training.data.to(x.device)[picked])
        samples.append(x.detach())
        energies.append(e.detach())
        log_probs.append(log_prob.detach())
        costs.append(cost)
    x, e, log_prob = (torch.cat(parts) for parts in (samples, energies, log_probs))
    pullback = partial(pulled_back, costs, list(model.parameters()))
    log_weights = -beta * e - log_prob

    def objective() -> Tensor:
        rows = training.energy_weight * (log_prob + capped(beta * e, training.cap))
        if training.data_weight:
            picked = torch.randint(len(training.data), (n_samples,), generator=generator, device=x.device)
            rows = rows - training.data_weight * model.log_prob(training.data.to(x.device)[picked])
        return rows

    factor = Factor("p", model, None, torch.cat(costs).detach(), weights=equal_weights, pullback=pullback)
    return x, Estimate(
        free_energy=e + log_prob / beta,
        energy=e,
        entropy=-log_prob,
        factors=(factor,),
        log_weights=log_weights if log_images is None else log_weights + log_images(x),
        objective=objective,
    )


def capped(u: Tensor, cap: float) -> Tensor:
    """u below the cap, cap + ln(1 + u - cap) above: atoms that overlap do not spoil the gradient."""
    return torch.where(u > cap, cap + torch.log1p((u - cap).clamp(min=0)), u)


@dataclass(frozen=True)
class Coverage:
    """How a model stands to samples of the Gibbs state that it was not trained on.

    Attributes:
        uncovered: share of the samples that p makes more than 100 times too seldom.
        effective_sample_size: 1 / (<w> <1/w>) over the samples; small where a mode is lost, and equal to
            that of the model's own samples where none is.
    """

    uncovered: float
    effective_sample_size: float


def coverage(log_weights: Tensor, log_z: float) -> Coverage:
    """From ln w = -beta U - ln p at samples of the Gibbs state, (samples,), and ln Z as the model has it."""
    count = math.log(len(log_weights))
    log_means = [(sign * log_weights).logsumexp(0) - count for sign in (1, -1)]
    return Coverage(
        (log_weights - log_z > math.log(RARE)).to(log_weights.dtype).mean().item(),
        (-log_means[0] - log_means[1]).exp().item(),
    )
