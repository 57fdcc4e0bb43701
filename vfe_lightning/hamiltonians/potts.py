"""Potts' model of q colours: Potts, Proc. Camb. Phil. Soc. 48, 106 (1952); Wu, RMP 54, 235 (1982)."""

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.hamiltonian import Hamiltonian


class Potts(Hamiltonian):
    r"""$H = -J \sum_{\langle ij \rangle} \delta(s_i, s_j)$; two colours are Ising spins at J / 2.

    Args:
        bonds: pairs of sites, each bond once, (bonds, 2).
    """

    bonds: Tensor

    def __init__(self, bonds: Tensor, J: float) -> None:
        super().__init__()
        self.J = J
        self.register_buffer("bonds", bonds, persistent=False)

    def energy(self, x: Tensor) -> Tensor:
        """Colours 0 ... q - 1 as whole numbers in float64, (batch, sites) -> (batch,)."""
        one, other = x.mT[self.bonds.mT]
        return -self.J * (one == other).to(x.dtype).sum(dim=0)


def cycled(x: Tensor, k: Tensor | int, q: int) -> Tensor:
    """Every colour replaced by the k-th after it, which keeps the energy: (batch, sites), (batch, 1)."""
    return (x + k) % q


def order_parameter(x: Tensor, q: int) -> Tensor:
    """(q n_max / sites - 1) / (q - 1), one if all sites have one colour: (batch, sites) -> (batch,)."""
    counts = torch.stack([(x == colour).to(x.dtype).mean(dim=1) for colour in range(q)])
    return (q * counts.amax(dim=0) - 1) / (q - 1)
