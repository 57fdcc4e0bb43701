r"""Annealed importance sampling: weights of paths between two densities, from either end.

$$ \ln w = \sum_k (\lambda_{k+1} - \lambda_k) [ S_0(x_k) - S_1(x_k) ] $$

x_k is moved by hybrid Monte Carlo in (1 - lambda_k) S_0 + lambda_k S_1: Neal, Stat. Comput. 11, 125 (2001).
The mean of w over paths that start in exp(-S_0) is Z_1 / Z_0, and that of 1 / w over paths that start in
exp(-S_1) and go backwards is one over it: Jarzynski, PRL 78, 2690 (1997); Crooks, PRE 60, 2721 (1999).
From a flow the way is shorter than from anywhere else: Wu, Koehler & Noe, NeurIPS (2020).
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from vfe_lightning.samplers.hmc import Function, hybrid_monte_carlo


@dataclass(frozen=True)
class Paths:
    """Where the paths end, (paths, ...), their ln w, (paths,), and the lowest acceptance of a move."""

    x: Tensor
    log_weights: Tensor
    acceptance: float


@torch.no_grad()
def annealed(
    start: Function,
    start_gradient: Function,
    end: Function,
    end_gradient: Function,
    x: Tensor,
    steps: int,
    *,
    backwards: bool = False,
    power: int = 2,
    leapfrog_steps: int = 5,
    step_size: float = 0.02,
    generator: torch.Generator | None = None,
) -> Paths:
    """One path from each of x, independent samples of exp(-start), or backwards of exp(-end).

    Args:
        x: (paths, ...).
        steps: of lambda = (k / steps)^power; one is plain importance sampling.
        step_size: of the leapfrog steps; any is right, too large a one moves nothing.
    """
    nodes = [(k / steps) ** power for k in range(steps + 1)]
    pairs = list(pairwise(nodes))
    log_weights, lowest = x.new_zeros(len(x)), 1.0
    for step, (low, high) in enumerate(reversed(pairs) if backwards else pairs):
        if step > 0:
            share = high if backwards else low
            chains = hybrid_monte_carlo(
                lambda y, share=share: start(y) * (1 - share) + end(y) * share,
                lambda y, share=share: start_gradient(y) * (1 - share) + end_gradient(y) * share,
                x,
                0,
                1,
                leapfrog_steps=leapfrog_steps,
                step_size=step_size,
                generator=generator,
            )
            x, lowest = chains.x, min(lowest, chains.acceptance)
        log_weights = log_weights + (high - low) * (start(x) - end(x))
    return Paths(x, log_weights, lowest)
