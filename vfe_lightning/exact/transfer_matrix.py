"""Ising models on open square and triangular lattices: the transfer matrix, one site at a time.

The state is a weight for each configuration of the L spins on the boundary of the sites that are
summed so far, and of the one spin that the next diagonal bond still needs: 2^(L+1) numbers.
"""

import torch
from torch import Tensor

from vfe_lightning.result import Reference

WIDEST = 16


def open_lattice(L: int, beta: float, J: float = 1.0, diagonal: bool = False) -> Reference:
    """F, E, S and C of L x L spins with open boundaries; `diagonal` bonds make the lattice triangular.

    Raises:
        ValueError: wider than 16 sites.
    """
    if L > WIDEST:
        raise ValueError(f"L = {L} is too wide for the transfer matrix: at most {WIDEST}")
    K = torch.tensor(beta * J, dtype=torch.float64)

    one = torch.ones_like(K)

    def derivatives(k: Tensor) -> tuple[Tensor, ...]:
        return torch.func.jvp(lambda k: _log_partition(L, k, diagonal), (k,), (one,))

    (log_z, slope), (_, curvature) = torch.func.jvp(derivatives, (K,), (one,))[:2]
    energy = -J * slope.item()
    heat_capacity = (K.square() * curvature).item()
    return Reference(-log_z.item() / beta, energy, log_z.item() + beta * energy, heat_capacity)


def _log_partition(L: int, K: Tensor, diagonal: bool) -> Tensor:
    spin = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    pair = K * torch.outer(spin, spin)
    diag = pair if diagonal else 0 * pair
    v = torch.ones(2 ** (L + 1), dtype=torch.float64) / 2  # the spin of the diagonal is a spectator at first
    log_z = 0 * K
    for row in range(L):
        up, across = (pair, diag) if row else (0 * pair, 0 * pair)
        # axes: left neighbour, spin above, spin above left, the new spin
        weight = (pair[:, None, None, :] + up[None, :, None, :] + across[None, None, :, :]).exp()
        for column in range(L):
            if column == 0:
                v = torch.einsum("upd,us->spu", v.reshape(2, -1, 2), up.exp())
            else:
                v = torch.einsum("alupd,luds->alspu", v.reshape(2 ** (column - 1), 2, 2, -1, 2), weight)
            if row == 0:
                v = v / 2  # the row above the first is not there: its spins are summed with weight 1/2
            scale = v.sum()
            log_z, v = log_z + scale.log(), v / scale
    return log_z
