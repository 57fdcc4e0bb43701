"""Random-walk Metropolis sampling, with a step size that adapts and the autocorrelation it leaves.

Metropolis et al., J. Chem. Phys. 21, 1087 (1953).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vfe_lightning.statistics import autocorrelation_time


@dataclass(frozen=True)
class Walk:
    """Where the walkers came to, and how.

    Attributes:
        x: (batch, ...).
        acceptance: of the second half of the walk, ().
        step_size: of the second half of the walk, ().
        autocorrelation_time: of ln p in the second half, in steps, ().
    """

    x: Tensor
    acceptance: Tensor
    step_size: Tensor
    autocorrelation_time: Tensor


@torch.no_grad()
def metropolis(
    log_prob: Callable[[Tensor], Tensor],
    x: Tensor,
    n_steps: int,
    step_size: float,
    generator: torch.Generator | None = None,
) -> Walk:
    """Move every walker `n_steps` times; all particles of a walker move at once.

    The step size adapts to an acceptance of one half in the first half of the walk, and stands
    still in the second, which alone obeys detailed balance.

    Args:
        log_prob: (batch, ...) -> (batch,); need not be normalised.
        x: starting points, (batch, ...).
        step_size: standard deviation of the first proposals.
    """
    current = log_prob(x)
    width = torch.as_tensor(step_size, dtype=x.dtype, device=x.device)
    rates, history = [], []
    for step in range(n_steps):
        proposal = x + width * torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        proposed = log_prob(proposal)
        coin = torch.rand(current.shape, generator=generator, dtype=x.dtype, device=x.device)
        accept = coin.log() < proposed - current
        x = torch.where(accept.reshape(-1, *[1] * (x.ndim - 1)), proposal, x)
        current = torch.where(accept, proposed, current)
        if step < n_steps // 2:
            width = width * (1 + 0.2 * (accept.to(x.dtype).mean() - 0.5))
        else:
            rates.append(accept.to(x.dtype).mean())
            history.append(current)
    time = autocorrelation_time(torch.stack(history)) if len(history) > 2 else x.new_tensor(torch.inf)
    return Walk(x, torch.stack(rates).mean(), width, time)
