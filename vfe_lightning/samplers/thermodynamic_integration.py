r"""ln Z along a path from a density that is known.

$$ \ln Z_1 = \ln Z_0 - \int_0^1 \langle S_1 - S_0 \rangle_\lambda \, d\lambda $$

The average is over exp(-S_lambda) with S_lambda = (1 - lambda) S_0 + lambda S_1: Kirkwood, J. Chem. Phys. 3,
300 (1935). Chains of hybrid Monte Carlo start as exact samples of lambda = 0 and are led along the path, so
that they also find the modes of S_1 with their right weights where the path is slow enough.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vfe_lightning.samplers.hmc import Function, hybrid_monte_carlo
from vfe_lightning.statistics import Moments


@dataclass(frozen=True)
class Integrated:
    """ln Z_1 with what limits it.

    Attributes:
        log_z: ln Z_1.
        error: its statistical error, from the spread of the integrals of the independent chains.
        quadrature: how much half of the nodes would change it: an upper bound for their error.
        x: the chains at the end of the path, (chains, ...).
        acceptance: the lowest one along the path.
    """

    log_z: float
    error: float
    quadrature: float
    x: Tensor
    acceptance: float


def integrate(
    start: Function,
    start_gradient: Function,
    end: Function,
    end_gradient: Function,
    x: Tensor,
    log_z: float,
    *,
    intervals: int = 24,
    warm_up: int = 20,
    trajectories: int = 40,
    leapfrog_steps: int = 10,
    step_size: float = 0.1,
    power: int = 2,
    generator: torch.Generator | None = None,
) -> Integrated:
    """ln Z of `end`, (chains, ...) -> (chains,), from that of `start`.

    Args:
        x: independent samples of exp(-start), one a chain, (chains, ...).
        log_z: ln Z of `start`.
        intervals: of Clenshaw and Curtis' rule in u, with lambda = u^power; a multiple of 4.
        warm_up: trajectories at each lambda that are not counted.
        power: 2 or more where <S_1> diverges at lambda = 0.
    """
    nodes, weights, halved = clenshaw_curtis(intervals)
    one, half, lowest = x.new_zeros(len(x)), x.new_zeros(len(x)), 1.0
    for u, w, v in zip(nodes, weights, halved, strict=True):
        share = u**power
        scale = power * u ** (power - 1)
        if scale == 0:
            continue

        def action(y: Tensor, share: float = share) -> Tensor:
            return start(y) * (1 - share) + end(y) * share

        def slope(y: Tensor, share: float = share) -> Tensor:
            return start_gradient(y) * (1 - share) + end_gradient(y) * share

        chains = hybrid_monte_carlo(
            action,
            slope,
            x,
            warm_up,
            trajectories,
            leapfrog_steps=leapfrog_steps,
            step_size=step_size,
            measure={"difference": lambda y: end(y) - start(y)},
            generator=generator,
        )
        x, step_size, lowest = chains.x, chains.step_size, min(lowest, chains.acceptance)
        difference = chains.series["difference"].mean(dim=0)
        one, half = one + w * scale * difference, half + v * scale * difference
    found = Moments.of(one)
    quadrature = abs((one - half).mean().item())
    return Integrated(log_z - found.mean.item(), found.error.item(), quadrature, x, lowest)


def clenshaw_curtis(intervals: int) -> tuple[list[float], list[float], list[float]]:
    """Nodes on [0, 1] and their weights, and the weights of the rule that uses every other node.

    Clenshaw & Curtis, Numer. Math. 2, 197 (1960).
    """
    nodes = [(1 - math.cos(math.pi * k / intervals)) / 2 for k in range(intervals + 1)]
    coarse = [
        w for pair in zip(_weights(intervals // 2), [0.0] * (intervals // 2 + 1), strict=True) for w in pair
    ]
    return nodes, _weights(intervals), coarse[:-1]


def _weights(intervals: int) -> list[float]:
    if intervals < 2 or intervals % 2:
        raise ValueError(
            f"Clenshaw-Curtis needs an even number of intervals, and so does its half: {intervals}"
        )
    weights = []
    for k in range(intervals + 1):
        terms = (
            (1 if 2 * j == intervals else 2) / (4 * j * j - 1) * math.cos(2 * math.pi * j * k / intervals)
            for j in range(1, intervals // 2 + 1)
        )
        weights.append((1 - sum(terms)) / intervals * (0.5 if k in (0, intervals) else 1.0))
    return weights
