r"""Parallel tempering of Ising spins, Hukushima & Nemoto, J. Phys. Soc. Japan 65, 1604 (1996).

Z of beta = 0 is 2^n; ln Z of each temperature follows from the one before it, see `replica_exchange`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.spins import PairwiseSpins
from vfe_lightning.samplers.replica_exchange import Ladder, check_ascending, exchange_rates, new_places


@torch.no_grad()
def parallel_tempering(
    h: PairwiseSpins,
    betas: Sequence[float],
    replicas: int,
    sweeps: int,
    warm_up: int,
    generator: torch.Generator | None = None,
    stride: int = 20,
) -> Ladder:
    """Heat baths of all spins in turn, and exchanges after each sweep; D is the energy.

    Args:
        betas: ascending from 0.
        warm_up: sweeps that are not counted.
        stride: sweeps from one sample that is kept to the next.

    Raises:
        ValueError: betas do not ascend from 0.
    """
    check_ascending(betas)
    beta, n = h.J.new_tensor(betas), len(h.J)

    def coins(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=beta.dtype, device=beta.device)

    x = torch.where(coins(replicas, len(beta), n) < 0.5, 1.0, -1.0).to(beta)
    energies, orders, samples = [], [], []
    for sweep in range(warm_up + sweeps):
        uniform = coins(n, replicas, len(beta))
        for site in range(n):
            up = torch.sigmoid(2 * beta * (x @ h.J[site] + h.h[site]))
            x[:, :, site] = torch.where(uniform[site] < up, 1.0, -1.0)
        energy = h.energy(x.flatten(0, 1)).view(replicas, -1)
        order = new_places(beta, energy, sweep, generator)
        x = x.gather(1, order[:, :, None].expand_as(x))
        if sweep >= warm_up:
            energies.append(energy.gather(1, order))
            orders.append(order)
            if (sweep - warm_up) % stride == 0:
                samples.append(x[:, -1].clone())
    return Ladder(beta, torch.stack(energies), exchange_rates(orders), torch.stack(samples))
