"""Ising models on open square and triangular lattices: the transfer matrix, one site at a time.

The state is, for each configuration of the latest L + 1 spins, ln Z of all before them and the mean and the
variance of their energy, so that nothing is taken off anything else at any temperature.
"""

import torch
from torch import Tensor

from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.result import Reference

WIDEST = 16
State = tuple[Tensor, Tensor, Tensor]  # ln Z, and mean and variance of -E / J: (2, ..., 2) each


def open_lattice(L: int, beta: float, J: float = 1.0, diagonal: bool = False) -> Reference:
    """F, E, S and C of L x L spins with open boundaries; `diagonal` bonds make the lattice triangular.

    Raises:
        ValueError: wider than 16 sites.
    """
    if L > WIDEST:
        raise ValueError(f"L = {L} is too wide for the transfer matrix: at most {WIDEST}")
    K, zero = beta * J, torch.zeros((), dtype=torch.float64)
    state: State = (zero, zero, zero)
    bonds = 0
    for site in range(L * L):
        row, column = divmod(site, L)
        back = {1: column > 0, L: row > 0, L + 1: diagonal and row > 0 and column > 0}
        linked = [distance for distance, there in back.items() if there]
        bonds += len(linked)
        state = _with_spin(state, linked, K)
        if site > L:
            state = _summed(state)
    while state[0].ndim:
        state = _summed(state)
    log_z, mean, variance = (t.item() for t in state)
    energy = -J * mean
    # of ln of any weight; a factor e^d in the weights changes a mean by 2 d standard deviations at most
    error = 8 * L * L * EPSILON * (abs(K) * bonds + L * L)
    return Reference(
        -log_z / beta,
        energy,
        log_z + beta * energy,
        K * (K * variance),
        free_energy_error=error / beta,
        energy_error=abs(J) * (2 * error * variance**0.5 + EPSILON * bonds * L),
        entropy_error=error * (1 + 2 * abs(K) * variance**0.5) + abs(K) * EPSILON * bonds * L,
        heat_capacity_error=8 * (error + EPSILON * L * L) * K * (K * variance),
    )


def _with_spin(state: State, linked: list[int], K: float) -> State:
    """One spin more, bound to those that are so many spins back; its axis is the last one."""
    log_z, mean, variance = state
    spin = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    field = torch.zeros([1] * log_z.ndim + [2], dtype=torch.float64)
    for distance in linked:
        axis = log_z.ndim - distance
        other = spin.view([2 if i == axis else 1 for i in range(log_z.ndim)] + [1])
        field = field + other * spin
    return log_z[..., None] + K * field, mean[..., None] + field, variance[..., None] + 0 * field


def _summed(state: State) -> State:
    """Over the oldest spin, whose axis is the first one."""
    (down, up), (mean, other), (variance, other_variance) = (t.unbind(dim=0) for t in state)
    p, q = torch.sigmoid(down - up), torch.sigmoid(up - down)
    spread = p * variance + q * other_variance + p * q * (other - mean).square()
    return torch.logaddexp(down, up), p * mean + q * other, spread
