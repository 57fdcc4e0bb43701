"""What a batch of independent samples of a classical system says beside its free energy."""

import torch
from torch import Tensor

from vfe_lightning import reductions
from vfe_lightning.estimate import Estimate


def heat_capacity(energy: Tensor, beta: float, size: int) -> Tensor:
    """beta^2 (E - <E>)^2 / size of each sample, the mean over all ranks taken off without bias: (batch,)."""
    count = len(energy) * reductions.world_size()
    return beta**2 * (energy - reductions.mean(energy)).square() * count / (count - 1) / size


def effective_sample_size(estimate: Estimate) -> Tensor:
    """(sum w)^2 / (samples sum w^2) of the samples of this pass: ()."""
    log_weights = estimate.log_weights
    assert log_weights is not None
    log_ratio = 2 * log_weights.logsumexp(0) - (2 * log_weights).logsumexp(0)
    return log_ratio.exp() / len(log_weights)


def weight_diagnostics(estimate: Estimate) -> dict[str, Tensor]:
    """How far p is from the Gibbs state; the standard deviation of ln w vanishes there.

    It is that of the samples that have a weight.
    """
    assert estimate.log_weights is not None
    known = estimate.log_weights > -torch.inf
    log_weights, count = estimate.log_weights.masked_fill(~known, 0.0), known.sum()
    away = (log_weights - log_weights.sum() / count).masked_fill(~known, 0.0)
    return {
        "effective_sample_size": effective_sample_size(estimate),
        "std_log_weight": (away.square().sum() / (count - 1)).sqrt(),
    }
