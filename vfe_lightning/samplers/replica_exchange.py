r"""Exchanges of configurations between neighbours on a path of Gibbs states, and ln Z along it.

$$ p_k \propto e^{-S - \lambda_k D}, \qquad P = \min(1, e^{(\lambda_k - \lambda_{k+1}) (D_k - D_{k+1})}) $$

With S = 0 and D = H this is parallel tempering, lambda = beta: Hukushima & Nemoto, J. Phys. Soc. Japan 65,
1604 (1996). Z_{k+1} / Z_k is Bennett's, J. Comput. Phys. 22, 245 (1976).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from vfe_lightning.samplers.hmc import Function, leapfrog, step_factors
from vfe_lightning.statistics import Moments

HALVINGS = 200  # of the interval in which ln Z_{k+1} / Z_k lies: those of hard cores are wide
WANTED, LEARNING = 0.75, 0.5  # acceptance of trajectories, and how fast step sizes follow it
SETTLING = 10.0  # trajectories after which they follow it ever more slowly


@dataclass(frozen=True)
class Ladder:
    """What independent replicas of all states have seen.

    Attributes:
        lambdas: ascending, (states,).
        differences: D after each sweep, (sweeps, replicas, states).
        exchanged: how often each pair of neighbours was, (states - 1,).
        samples: of the last state after every so many sweeps, (samples, replicas, ...).
    """

    lambdas: Tensor
    differences: Tensor
    exchanged: Tensor
    samples: Tensor

    def log_z_ratio(self) -> Moments:
        """ln of Z of the last state over that of the first; the error is that of independent replicas."""
        work = (
            self.lambdas.diff() * self.differences[:, :, :-1],
            self.lambdas.diff() * self.differences[:, :, 1:],
        )
        low = -torch.maximum(*(w.amax(dim=0) for w in work))
        high = -torch.minimum(*(w.amin(dim=0) for w in work))
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            up = torch.sigmoid(-work[0] - middle).mean(dim=0) > torch.sigmoid(work[1] + middle).mean(dim=0)
            low, high = torch.where(up, middle, low), torch.where(up, high, middle)
        return Moments.of(((low + high) / 2).sum(dim=1))

    def difference(self) -> Moments:
        """D in the last state."""
        return Moments.of(self.differences[:, :, -1].mean(dim=0))


def new_places(lambdas: Tensor, differences: Tensor, sweep: int, generator: torch.Generator | None) -> Tensor:
    """Which state each state takes its configuration from, neighbours in turn: (replicas, states).

    Args:
        differences: D of each configuration, (replicas, states).
        sweep: even ones exchange the states 0 and 1, 2 and 3 and so on, odd ones 1 and 2.
    """
    pairs = torch.arange(sweep % 2, len(lambdas) - 1, 2, device=lambdas.device)
    gain = (lambdas[pairs] - lambdas[pairs + 1]) * (differences[:, pairs] - differences[:, pairs + 1])
    coin = torch.rand(gain.shape, generator=generator, dtype=gain.dtype, device=gain.device)
    swap = (coin < gain.exp()).long()
    order = torch.arange(len(lambdas), device=lambdas.device).repeat(len(differences), 1)
    order[:, pairs] += swap
    order[:, pairs + 1] -= swap
    return order


def exchange_rates(orders: Sequence[Tensor]) -> Tensor:
    """How often neighbours were exchanged in sweeps, each of which asks every other pair: (states - 1,)."""
    here = torch.arange(orders[0].shape[1], device=orders[0].device)
    up = torch.stack([(order > here).double().mean(dim=0) for order in orders])
    return 2 * up.mean(dim=0)[:-1]


def check_ascending(lambdas: Sequence[float]) -> None:
    """
    Raises:
        ValueError: lambdas do not ascend from 0.
    """
    if lambdas[0] != 0 or any(b <= a for a, b in pairwise(lambdas)):
        raise ValueError(f"a path begins at 0 and goes upwards: {list(lambdas)}")


@torch.no_grad()
def replica_exchange(
    start: Function,
    start_gradient: Function,
    difference: Function,
    difference_gradient: Function,
    x: Tensor,
    lambdas: Sequence[float],
    sweeps: int,
    warm_up: int,
    *,
    leapfrog_steps: int = 10,
    step_size: float = 0.1,
    stride: int = 20,
    generator: torch.Generator | None = None,
) -> Ladder:
    """A trajectory of hybrid Monte Carlo in each state, and exchanges after it.

    Args:
        start: S, (chains, ...) -> (chains,).
        start_gradient: dS/dx, (chains, ...) -> (chains, ...).
        difference, difference_gradient: D and dD/dx, likewise.
        x: samples of exp(-S), (replicas, states, ...).
        lambdas: ascending from 0.
        warm_up: sweeps that are not counted, and in which each state finds its own step size.
        step_size: the first one.
        stride: sweeps from one sample that is kept to the next.

    Raises:
        ValueError: lambdas do not ascend from 0.
    """
    check_ascending(lambdas)
    replicas, states = x.shape[:2]
    path = x.new_tensor(lambdas)
    share = path.repeat(replicas)
    everywhere = share.reshape(-1, *[1] * (x.ndim - 2))
    sizes = torch.full_like(path, step_size)
    x = x.flatten(0, 1)

    def slope_at(y: Tensor) -> Tensor:
        return start_gradient(y) + everywhere * difference_gradient(y)

    away = difference(x)
    value, slope, seen, orders = start(x) + share * away, slope_at(x), [], []
    samples: list[Tensor] = []
    for sweep in range(warm_up + sweeps):
        momentum = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        h = step_factors(x, generator) * sizes.repeat(replicas).view_as(everywhere)
        y, q, _ = leapfrog(slope_at, x, momentum, slope, h, leapfrog_steps)
        far = difference(y)
        change = start(y) + share * far - value + 0.5 * (q.square() - momentum.square()).flatten(1).sum(dim=1)
        probability = change.neg().clamp(max=0).exp().nan_to_num(0.0)
        accept = torch.rand(len(x), generator=generator, dtype=x.dtype, device=x.device) < probability
        x = torch.where(accept.view_as(everywhere), y, x)
        away = torch.where(accept, far, away).view(replicas, states)
        if sweep < warm_up:
            pace = LEARNING * min(1.0, SETTLING / math.sqrt(1 + sweep))
            sizes = sizes * (pace * (probability.view(replicas, states).mean(dim=0) - WANTED)).exp()
        order = new_places(path, away, sweep, generator)
        rows = (order + states * torch.arange(replicas, device=x.device)[:, None]).flatten()
        x, away = x[rows], away.flatten()[rows]
        value, slope = start(x) + share * away, slope_at(x)
        if sweep >= warm_up:
            seen.append(away.view(replicas, states))
            orders.append(order)
            if (sweep - warm_up) % stride == 0:
                samples.append(x[states - 1 :: states])
    return Ladder(path, torch.stack(seen), exchange_rates(orders), torch.stack(samples))
