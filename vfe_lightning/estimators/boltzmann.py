r"""Boltzmann generators: a flow that learns from the energy, from samples of the Gibbs state, or from both.

$$ L = w_{KL} E_p [ \ln p + \beta U ] - w_{ML} E_{data} [ \ln p ] $$

Noe, Olsson, Koehler & Wu, Science 365, eaaw1147 (2019). The energy alone finds one mode and may never see
another, which its own weights do not reveal: `coverage` looks from the side of the data.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from vfe_lightning.estimate import Estimate
from vfe_lightning.estimators.pathwise import by_samples
from vfe_lightning.generative.reparameterized import ReparameterizedModel

RARE = 100.0  # a sample that p makes so many times too seldom is not covered


@dataclass(frozen=True)
class Training:
    """What a Boltzmann generator learns from.

    Attributes:
        data: samples of the Gibbs state or of its modes, (samples, ...); others may take their place.
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
    beta_now: float | None = None,
) -> tuple[Tensor, Estimate]:
    """Fresh samples of the model, constants to autograd, (n_samples, ...), and the estimate from them.

    What is reported is F of the samples; data and the cap are in the gradient only.

    Args:
        log_images: ln of how many configurations a sample stands for in the weights, see
            `hamiltonians.relabelling`; None: for itself.
        beta_now: of the gradient of F; None is beta.
    """
    warm = beta if beta_now is None else beta_now

    def cost(x: Tensor, log_prob: Tensor, e: Tensor) -> Tensor:
        rows = training.energy_weight * (log_prob + capped(warm * e, training.cap))
        return rows - of_data(x) if training.data_weight and torch.is_grad_enabled() else rows

    def of_data(x: Tensor) -> Tensor:
        """Of as many samples as x has."""
        picked = torch.randint(len(training.data), (len(x),), generator=generator, device=x.device)
        return training.data_weight * model.log_prob(
            _brought(training.data, training.data._version, x.device)[picked]
        )

    x, estimate = by_samples(model, energy, n_samples, beta, cost, generator)

    def objective() -> Tensor:
        rows = training.energy_weight * (capped(beta * estimate.energy, training.cap) - estimate.entropy)
        return rows - of_data(x) if training.data_weight else rows

    log_weights = estimate.log_weights
    if log_images is not None and log_weights is not None:
        log_weights = log_weights + log_images(x)
    return x, replace(estimate, log_weights=log_weights, objective=objective)


@lru_cache(maxsize=1)
def _brought(data: Tensor, version: int, device: torch.device) -> Tensor:
    """Once for all steps, until the data are written anew."""
    return data.to(device)


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
