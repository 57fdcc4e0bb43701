"""Heat baths and clusters of the spins and colours that there are."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.potts import Potts
from vfe_lightning.hamiltonians.spins import PairwiseSpins
from vfe_lightning.samplers.bridge import Bridge
from vfe_lightning.samplers.bridge_moves import Kernel
from vfe_lightning.samplers.spin_steps import Clusters, HeatBath


def ising_kernels(hamiltonian: PairwiseSpins, beta: float, bridge: Bridge) -> Sequence[Kernel]:
    """Heat baths, and clusters of ferromagnets without fields."""
    J, h = hamiltonian.J, hamiltonian.h
    values = J.new_tensor([-1.0, 1.0])

    def logits(x: Tensor, sites: Tensor) -> Tensor:
        field = beta * (x @ J[:, sites] + h[sites])
        return torch.stack([-field, field])

    baths = [HeatBath(bridge, J != 0, logits, values)]
    if (J < 0).any() or h.any() or not J.any():
        return baths
    bonds = J.triu().nonzero()
    return [*baths, Clusters(bridge, bonds, 2 * beta * J[bonds[:, 0], bonds[:, 1]], values)]


def potts_kernels(hamiltonian: Potts, q: int, sites: int, beta: float, bridge: Bridge) -> Sequence[Kernel]:
    """Heat baths, and clusters of ferromagnets; two sites may have two bonds."""
    bonds = hamiltonian.bonds
    J = torch.zeros(sites, sites, dtype=torch.float64, device=bonds.device)
    J.index_put_((bonds[:, 0], bonds[:, 1]), J.new_tensor(hamiltonian.J), accumulate=True)
    J = J + J.mT
    values = torch.arange(q, dtype=torch.float64, device=bonds.device)

    def logits(x: Tensor, chosen: Tensor) -> Tensor:
        return torch.stack([beta * ((x == value).to(J) @ J[:, chosen]) for value in values])

    baths = [HeatBath(bridge, J != 0, logits, values)]
    if hamiltonian.J <= 0:
        return baths
    pairs = J.triu().nonzero()
    return [*baths, Clusters(bridge, pairs, beta * J[pairs[:, 0], pairs[:, 1]], values)]
