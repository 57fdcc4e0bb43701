r"""Spins by brute force: $Z = \sum_s e^{-\beta E(s)}$ over all 2^n configurations."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from vfe_lightning.result import Reference

LARGEST = 24  # spins: 2^24 energies are 128 MiB
CHUNK = 2**16


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


def thermodynamics(levels: Tensor, beta: float, log_degeneracy: Tensor | None = None) -> Reference:
    """F, E, S and C of energy levels, with the logarithms of how often each occurs: (levels,)."""
    log_weight = -beta * levels if log_degeneracy is None else log_degeneracy - beta * levels
    log_z = log_weight.logsumexp(0)
    p = (log_weight - log_z).exp()
    energy = p @ levels
    heat_capacity = beta**2 * (p @ (levels - energy).square())
    return Reference(
        (-log_z / beta).item(), energy.item(), (beta * energy + log_z).item(), heat_capacity.item()
    )


def correlations(energy: Callable[[Tensor], Tensor], n: int, beta: float) -> Tensor:
    """<s_i s_j> at inverse temperature beta: (n, n)."""
    total, log_z = torch.zeros(n, n, dtype=torch.float64), (-beta * energies(energy, n)).logsumexp(0)
    for s in configurations(n):
        total += s.mT @ (s * (-beta * energy(s) - log_z).exp()[:, None])
    return total
