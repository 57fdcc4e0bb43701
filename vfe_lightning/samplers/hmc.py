r"""Hybrid (Hamiltonian) Monte Carlo of many independent chains at once, with a step size that tunes itself.

Duane, Kennedy, Pendleton & Roweth, Phys. Lett. B 195, 216 (1987). In the warm-up the step size is tuned to
the wanted acceptance by dual averaging: Hoffman & Gelman, J. Mach. Learn. Res. 15, 1593 (2014), section 3.2.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vfe_lightning.statistics import Moments, autocorrelation_time

Function = Callable[[Tensor], Tensor]
JITTER = 0.2  # of the step size from one trajectory to the next, so that no orbit closes
SHORT, SHORTEST = 0.1, 1e-4  # share of trajectories of any shorter step size, which leave steep walls


@dataclass(frozen=True)
class Chains:
    """Where the chains came to, and what was measured on the way after the warm-up.

    Attributes:
        x: the last configurations, (chains, ...).
        series: what was measured after each trajectory, (trajectories, chains) each.
        acceptance: mean probability to accept a trajectory.
        step_size: of the leapfrog steps.
    """

    x: Tensor
    series: Mapping[str, Tensor]
    acceptance: float
    step_size: float

    def moments(self, name: str) -> Moments:
        """Mean of one series; its error is that of the means of the chains, which are independent."""
        return Moments.of(self.series[name].mean(dim=0))

    def autocorrelation_time(self, name: str) -> float:
        """Integrated, in trajectories; 0.5 where they are independent."""
        return autocorrelation_time(self.series[name]).item()


@torch.no_grad()
def hybrid_monte_carlo(
    action: Function,
    gradient: Function,
    x: Tensor,
    warm_up: int,
    trajectories: int,
    *,
    leapfrog_steps: int = 10,
    step_size: float = 0.1,
    acceptance: float = 0.8,
    measure: Mapping[str, Function] | None = None,
    generator: torch.Generator | None = None,
) -> Chains:
    """Move every chain by `warm_up` trajectories that tune the step size, then by those that count.

    Args:
        action: beta H of each configuration, (chains, ...) -> (chains,).
        gradient: d action / dx, (chains, ...) -> (chains, ...).
        x: where the chains start, (chains, ...).
        leapfrog_steps: of one trajectory.
        step_size: the first one; without a warm-up it is kept.
        acceptance: the mean probability that the step size is tuned to.
        measure: functions of the configurations, (chains, ...) -> (chains,); the action always is one.
    """
    measured = {"action": action, **(measure or {})}
    tuning = DualAveraging(step_size, acceptance)
    value, slope = action(x), gradient(x)
    series: dict[str, list[Tensor]] = {name: [] for name in measured}
    accepted = x.new_zeros(())
    for step in range(warm_up + trajectories):
        warm = step < warm_up
        size = tuning.step_size if warm else tuning.averaged
        h = size * step_factors(x, generator)
        momentum = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        y, q, force = leapfrog(gradient, x, momentum, slope, h, leapfrog_steps)
        proposed = action(y)
        change = proposed - value + 0.5 * (q.square() - momentum.square()).flatten(1).sum(dim=1)
        probability = change.neg().clamp(max=0).exp().nan_to_num(0.0)
        coin = torch.rand(len(x), generator=generator, dtype=x.dtype, device=x.device)
        accept = coin < probability
        everywhere = accept.reshape(-1, *[1] * (x.ndim - 1))
        x, slope = torch.where(everywhere, y, x), torch.where(everywhere, force, slope)
        value = torch.where(accept, proposed, value)
        if warm:
            tuning.learn(probability.mean().item())
        else:
            accepted += probability.mean() / trajectories
            for name, function in measured.items():
                series[name].append(value if function is action else function(x))
    stacked = {name: torch.stack(values) for name, values in series.items() if values}
    return Chains(x, stacked, accepted.item(), tuning.averaged)


def step_factors(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Random factors of the step size, independent of where the chains are: (chains, 1, ...)."""
    a, b, c = torch.rand(3, len(x), generator=generator, dtype=x.dtype, device=x.device)
    factors = torch.where(a < SHORT, SHORTEST**b, 1 + JITTER * (2 * c - 1))
    return factors.reshape(-1, *[1] * (x.ndim - 1))


def leapfrog(
    gradient: Function, x: Tensor, momentum: Tensor, slope: Tensor, h: Tensor, steps: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Position, momentum and gradient after `steps` of size h, which are reversible and keep volumes."""
    momentum = momentum - 0.5 * h * slope
    for step in range(steps):
        x = x + h * momentum
        slope = gradient(x)
        momentum = momentum - (h if step < steps - 1 else 0.5 * h) * slope
    return x, momentum, slope


class DualAveraging:
    """The step size at which trajectories are accepted as often as is wanted."""

    SHRINKAGE, DELAY, FORGETTING = 0.05, 10.0, 0.75

    def __init__(self, step_size: float, acceptance: float) -> None:
        self.acceptance = acceptance
        self.step_size = self.averaged = step_size
        self._centre = math.log(10 * step_size)
        self._deficit, self._count = 0.0, 0

    def learn(self, probability: float) -> None:
        """From the mean probability to accept a trajectory with the present step size."""
        self._count += 1
        share = 1 / (self._count + self.DELAY)
        self._deficit += share * (self.acceptance - probability - self._deficit)
        log_size = self._centre - math.sqrt(self._count) / self.SHRINKAGE * self._deficit
        weight = self._count**-self.FORGETTING
        self.averaged = math.exp(weight * log_size + (1 - weight) * math.log(self.averaged))
        self.step_size = math.exp(log_size)
