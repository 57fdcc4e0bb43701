"""The minimum that a configuration runs down to, Stillinger & Weber, Science 225, 983 (1984).

By the fast inertial relaxation engine of Bitzek, Koskinen, Gaehler, Moseler & Gumbsch, PRL 97, 170201 (2006),
with their constants, of each configuration on its own.
"""

from collections.abc import Callable

import torch
from torch import Tensor

DOWNHILL = 5  # steps before it becomes faster
FASTER, SLOWER = 1.1, 0.5  # the step in time
MIXING, LESS = 0.1, 0.99  # of the velocity along the force
LONGEST = 10.0  # step in time, in the first one


@torch.no_grad()
def quenched(
    gradient: Callable[[Tensor], Tensor], x: Tensor, steps: int, time_step: float, longest: float
) -> Tensor:
    """Down to the next minimum, (batch, ...) -> (batch, ...).

    Args:
        gradient: dU/dx, (batch, ...) -> (batch, ...).
        time_step: the first one, for unit masses.
        longest: move of a configuration in one step.
    """
    flat = x.flatten(1)
    velocity = torch.zeros_like(flat)
    dt = flat.new_full((len(flat), 1), time_step)
    mixing, downhill = torch.full_like(dt, MIXING), torch.zeros_like(dt)
    for _ in range(steps):
        force = -gradient(flat.view_as(x)).flatten(1)
        along = (force * velocity).sum(dim=1, keepdim=True) > 0
        turned = force * (_length(velocity) / _length(force))
        velocity = torch.where(along, (1 - mixing) * velocity + mixing * turned, 0.0)
        downhill = torch.where(along, downhill + 1, 0.0)
        fast = downhill > DOWNHILL
        dt = torch.where(along, torch.where(fast, dt * FASTER, dt), dt * SLOWER).clamp(
            max=LONGEST * time_step
        )
        mixing = torch.where(along, torch.where(fast, mixing * LESS, mixing), MIXING)
        velocity = velocity + dt * force
        move = dt * velocity
        flat = flat + move * (longest / _length(move)).clamp(max=1.0)
    return flat.view_as(x)


def _length(x: Tensor) -> Tensor:
    return x.norm(dim=1, keepdim=True).clamp(min=1e-30)
