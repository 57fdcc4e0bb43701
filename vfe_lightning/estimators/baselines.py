r"""What is taken off the costs before they weigh the scores: (batch,) costs -> (batch,) weights.

The gradient is $\sum_b w_b \nabla \ln p(s_b)$ over the samples of all ranks. These are all unbiased. The
plain mean of the batch is not: each cost is a part of its own baseline, which shortens the gradient by
1 - 1/B. It costs a direction nothing, and Rows has it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vfe_lightning import declarations, reductions

Baseline = Callable[[Tensor], Tensor]


def leave_one_out(cost: Tensor) -> Tensor:
    """The mean of all other samples: Kool, van Hoof & Welling, ICLR workshop (2019)."""
    return (cost - reductions.mean(cost)) / (len(cost) * reductions.world_size() - 1)


def var_grad(cost: Tensor) -> Tensor:
    """d / d ln p of half the sample variance of ln p + beta E, whose zero is the Gibbs state.

    Of the same value as `leave_one_out`: Richter et al., NeurIPS (2020), proposition 1.
    """
    everyone = reductions.gather(cost.detach())
    with torch.enable_grad():
        log_ratio = everyone.requires_grad_()
        (slope,) = torch.autograd.grad(log_ratio.var() / 2, log_ratio)
    return slope.chunk(reductions.world_size())[reductions.rank()]


class PastAverage(nn.Module):
    """A running mean of the costs of earlier steps, never of this one.

    The first step has no past and leaves one out. Mnih & Gregor, ICML (2014).

    Args:
        decay: share of the old mean that is kept at each step.
    """

    value: Tensor
    steps: Tensor

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("value", torch.zeros((), dtype=torch.float64))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def forward(self, cost: Tensor) -> Tensor:
        mean = reductions.mean(cost)
        if self.steps:
            weights = (cost - self.value) / (len(cost) * reductions.world_size())
            self.value.lerp_(mean, 1 - self.decay)
        else:
            weights = leave_one_out(cost)
            self.value.copy_(mean)
        self.steps += 1
        return weights


def equal_weights(cost: Tensor) -> Tensor:
    """The plain mean, for estimators whose rows are gradients of their own rather than scores."""
    return torch.full_like(cost, 1 / (len(cost) * reductions.world_size()))


def baseline_of(gradient: declarations.Gradient) -> Baseline:
    """What the declared estimator takes off the costs."""
    match gradient:
        case declarations.LeaveOneOut():
            return leave_one_out
        case declarations.PastAverage(decay=decay):
            return PastAverage(decay)
        case declarations.VarGrad():
            return var_grad
        case declarations.MeasureValued():
            return equal_weights
