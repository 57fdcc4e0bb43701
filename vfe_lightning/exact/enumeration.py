r"""Spins by brute force: $Z = \sum_s e^{-\beta E(s)}$ over all 2^n configurations."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.result import Reference

LARGEST = 24  # spins: 2^24 energies are 128 MiB
CHUNK = 2**16
NOTHING = 2000.0  # T above the lowest level, where the Boltzmann factor is zero in double precision


def configurations(n: int) -> Iterator[Tensor]:
    """All configurations of n spins +-1 in float64, in chunks of at most 2^16: (chunk, n).

    Raises:
        ValueError: more than 24 spins.
    """
    if n > LARGEST:
        raise ValueError(f"n = {n} spins have too many configurations: at most {LARGEST} are enumerated")
    bits = torch.arange(n)
    for index in torch.arange(2**n).split(CHUNK):
        yield (2 * (index[:, None] >> bits & 1) - 1).double()


def energies(energy: Callable[[Tensor], Tensor], n: int) -> Tensor:
    """The energies of all configurations of n spins: (2^n,). `energy` maps (chunk, n) to (chunk,)."""
    return torch.cat([energy(s) for s in configurations(n)])


def thermodynamics(
    levels: Tensor,
    beta: float,
    log_degeneracy: Tensor | None = None,
    rounding: float | None = None,
    log_rounding: float = 0.0,
) -> Reference:
    """F, E, S and C of energy levels, with the logarithms of how often each occurs: (levels,).

    Args:
        rounding: a bound on the errors of the levels; None: a few times that of the largest one.
        log_rounding: the same of the logarithms.
    """
    if rounding is None:
        rounding = 16 * EPSILON * levels.abs().max().item()
    lowest = levels.min()
    height = (beta * (levels - lowest)).clamp(max=NOTHING)  # nothing is taken off anything that is large
    log_weight = -height if log_degeneracy is None else log_degeneracy - height
    log_sum = log_weight.logsumexp(0)
    p = (log_weight - log_sum).exp()
    mean = p @ height
    heat_capacity = (p @ (height - mean).square()).item()
    base, log_z, rise, width = lowest.item(), log_sum.item(), mean.item(), heat_capacity**0.5
    # weights that are wrong by factors of e^d change a mean by 2 d standard deviations at most
    error = beta * rounding + log_rounding + 4 * EPSILON * (1 + log_z)
    rise_error = beta * rounding + 2 * error * width + 4 * EPSILON * (1 + rise)
    return Reference(
        base - log_z / beta,
        base + rise / beta,
        log_z + rise,
        heat_capacity,
        free_energy_error=error / beta + EPSILON * abs(base),
        energy_error=rise_error / beta + EPSILON * abs(base),
        entropy_error=error + rise_error,
        heat_capacity_error=(4 * error + 4 * beta * rounding) * heat_capacity
        + 4 * beta * rounding * width
        + 8 * EPSILON,
    )


def correlations(energy: Callable[[Tensor], Tensor], n: int, beta: float) -> Tensor:
    """<s_i s_j> at inverse temperature beta: (n, n)."""
    total, lowest = torch.zeros(n, n, dtype=torch.float64), energies(energy, n).min()
    weight = 0.0
    for s in configurations(n):
        w = (-beta * (energy(s) - lowest)).exp()
        total, weight = total + s.mT @ (s * w[:, None]), weight + w.sum()
    return total / weight
