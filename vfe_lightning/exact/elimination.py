r"""Discrete variables with pair energies on any graph, summed over one at a time.

$$ Z = \sum_{x_1 \dots x_n} \exp \beta \Big[ \sum_i g_i(x_i) + \sum_{ij} g_{ij}(x_i, x_j) \Big] $$

Variables enter in order and leave when the last of their neighbours has entered: on a lattice this is the
transfer matrix, one site at a time, Binder, Physica 62, 508 (1972). The state is, for each configuration of
the variables that are there, ln Z of all that have left and the mean and the variance of their gain g = -E,
so that nothing is taken off anything else at any temperature.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.result import Reference

LARGEST = 2**22  # numbers in the state: 100 MiB of the three, some seconds for each hundred variables
State = tuple[Tensor, Tensor, Tensor]  # ln Z, mean and variance of the gain, each (configurations,)


@dataclass(frozen=True)
class Bond:
    """A pair of variables, the earlier one first, and their gain, (values of first, values of second)."""

    first: int
    second: int
    gain: Tensor


def eliminated(gains: Sequence[Tensor], bonds: Sequence[Bond], beta: float, copies: int = 1) -> Reference:
    """F, E, S and C, with bounds of their rounding.

    Args:
        gains: -E of each value of each variable by itself, (values,) each, float64.
        copies: how often each configuration counts.

    Raises:
        NotKnown: too many configurations of variables that are there at one time.
    """
    leaves = list(range(len(gains)))
    for bond in bonds:
        leaves[bond.first] = max(leaves[bond.first], bond.second)
    if (size := _largest_state([len(g) for g in gains], leaves)) > LARGEST:
        raise NotKnown(f"the transfer matrix has {size:.2g} states: at most {LARGEST:.2g} are summed over")
    zero = torch.zeros(1, dtype=torch.float64)
    state: State = (zero, zero, zero)
    present: list[int] = []
    for site, gain in enumerate(gains):
        values = [len(gains[other]) for other in present]
        linked = [(present.index(bond.first), bond.gain) for bond in bonds if bond.second == site]
        state = _with_variable(state, values, gain, linked, beta)
        present.append(site)
        for other in [other for other in present if leaves[other] == site]:
            values = [len(gains[k]) for k in present]
            state = _summed(state, values, present.index(other))
            present.remove(other)
    log_z, mean, variance = (t.item() for t in state)
    return _with_bounds(log_z + math.log(copies), mean, variance, gains, bonds, beta)


def _with_bounds(
    log_z: float, mean: float, variance: float, gains: Sequence[Tensor], bonds: Sequence[Bond], beta: float
) -> Reference:
    largest = sum(g.abs().max().item() for g in [*gains, *(bond.gain for bond in bonds)])
    operations = 3 * len(gains) + len(bonds)
    entropies = sum(1 + math.log(len(g)) for g in gains)
    # of ln of any weight; a factor e^d in the weights changes a mean by 2 d standard deviations at most
    error = 4 * EPSILON * operations * (beta * largest + entropies)
    rounding = EPSILON * operations * largest  # of any mean gain
    width = variance**0.5
    return Reference(
        -log_z / beta,
        -mean,
        log_z - beta * mean,
        beta * (beta * variance),
        free_energy_error=error / beta,
        energy_error=2 * error * width + rounding,
        entropy_error=error * (1 + 2 * beta * width) + beta * rounding,
        # the variance is a mean of squares of differences of means, each of them rounded
        heat_capacity_error=8 * (error + EPSILON * operations) * (beta * width) ** 2
        + 4 * beta * rounding * (beta * width + beta * rounding),
    )


def _largest_state(values: list[int], leaves: list[int]) -> int:
    present: list[int] = []
    largest = 1
    for site in range(len(values)):
        present.append(site)
        largest = max(largest, math.prod(values[k] for k in present))
        present = [k for k in present if leaves[k] != site]
    return largest


def _with_variable(
    state: State, values: list[int], gain: Tensor, linked: list[tuple[int, Tensor]], beta: float
) -> State:
    """One variable more, bound to those at the given positions; it varies fastest."""
    added = gain.expand(math.prod(values), -1).clone()
    for position, table in linked:
        before, after = math.prod(values[:position]), math.prod(values[position + 1 :])
        added.view(before, values[position], after, len(gain)).add_(table[:, None])
    log_z, mean, variance = (t[:, None] for t in state)
    return (log_z + beta * added).flatten(), (mean + added).flatten(), variance.expand_as(added).flatten()


def _summed(state: State, values: list[int], position: int) -> State:
    """Over all values of the variable at that position."""
    before, after = math.prod(values[:position]), math.prod(values[position + 1 :])
    log_z, mean, variance = (t.view(before, values[position], after) for t in state)
    p, total = log_z.softmax(dim=1), log_z.logsumexp(dim=1)
    together = (p * mean).sum(dim=1)
    spread = (p * (variance + (mean - together[:, None]).square())).sum(dim=1)
    return total.flatten(), together.flatten(), spread.flatten()
