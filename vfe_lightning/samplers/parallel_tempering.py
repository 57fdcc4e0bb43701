r"""Parallel tempering of Ising spins, and ln Z of each temperature from the one before it.

Neighbouring temperatures exchange their configurations with probability

$$ \min(1, e^{(\beta_k - \beta_{k+1}) (E_k - E_{k+1})}) $$

Hukushima & Nemoto, J. Phys. Soc. Japan 65, 1604 (1996). Z_{k+1} / Z_k is Bennett's, J. Comput. Phys. 22, 245
(1976), and that of beta = 0 is 2^n.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.spins import PairwiseSpins
from vfe_lightning.statistics import Moments

HALVINGS = 60  # of the interval in which ln Z_{k+1} / Z_k lies


@dataclass(frozen=True)
class Tempered:
    """What independent replicas of all temperatures have seen.

    Attributes:
        betas: ascending, (temperatures,).
        energies: after each sweep, (sweeps, replicas, temperatures).
        exchanged: how often each pair of neighbours was, (temperatures - 1,).
        x: where they end, (replicas, temperatures, n).
    """

    betas: Tensor
    energies: Tensor
    exchanged: Tensor
    x: Tensor

    def log_z(self) -> Moments:
        """Of the last temperature; the error is that of independent replicas."""
        return Moments.of(self.x.shape[2] * math.log(2) + self._log_ratios().sum(dim=1))

    def energy(self) -> Moments:
        """Of the last temperature."""
        return Moments.of(self.energies[:, :, -1].mean(dim=0))

    def _log_ratios(self) -> Tensor:
        """ln Z_{k+1} / Z_k of each replica: (replicas, temperatures - 1)."""
        work = self.betas.diff() * self.energies[:, :, :-1], self.betas.diff() * self.energies[:, :, 1:]
        low = -torch.maximum(*(w.amax(dim=0) for w in work))
        high = -torch.minimum(*(w.amin(dim=0) for w in work))
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            up = torch.sigmoid(-work[0] - middle).mean(dim=0) > torch.sigmoid(work[1] + middle).mean(dim=0)
            low, high = torch.where(up, middle, low), torch.where(up, high, middle)
        return (low + high) / 2


@torch.no_grad()
def parallel_tempering(
    h: PairwiseSpins,
    betas: Sequence[float],
    replicas: int,
    sweeps: int,
    warm_up: int,
    generator: torch.Generator | None = None,
) -> Tempered:
    """Heat baths of all spins in turn, and exchanges after each sweep.

    Args:
        betas: ascending from 0.
        warm_up: sweeps that are not counted.

    Raises:
        ValueError: betas do not ascend from 0.
    """
    if betas[0] != 0 or any(b <= a for a, b in pairwise(betas)):
        raise ValueError(f"temperatures go from beta = 0 upwards: {list(betas)}")
    beta, n = h.J.new_tensor(betas), len(h.J)

    def coins(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=beta.dtype, device=beta.device)

    x = torch.where(coins(replicas, len(beta), n) < 0.5, 1.0, -1.0).to(beta)
    energies, exchanged = [], beta.new_zeros(len(beta) - 1)
    for sweep in range(warm_up + sweeps):
        uniform = coins(n, replicas, len(beta))
        for site in range(n):
            up = torch.sigmoid(2 * beta * (x @ h.J[site] + h.h[site]))
            x[:, :, site] = torch.where(uniform[site] < up, 1.0, -1.0)
        energy = h.energy(x.flatten(0, 1)).view(replicas, -1)
        pairs = torch.arange(sweep % 2, len(beta) - 1, 2, device=beta.device)
        gain = (beta[pairs] - beta[pairs + 1]) * (energy[:, pairs] - energy[:, pairs + 1])
        swap = coins(replicas, len(pairs)) < gain.exp()
        order = torch.arange(len(beta), device=beta.device).repeat(replicas, 1)
        order[:, pairs] += swap.long()
        order[:, pairs + 1] -= swap.long()
        x = x.gather(1, order[:, :, None].expand_as(x))
        if sweep >= warm_up:
            energies.append(energy.gather(1, order))
            exchanged[pairs] += swap.to(beta).mean(dim=0) * 2 / sweeps
    return Tempered(beta, torch.stack(energies), exchanged, x)
