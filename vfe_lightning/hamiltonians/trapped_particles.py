r"""Particles in a trap: $H = \frac{k}{2} \sum_i x_i^2 + \sum_{i<j} u(r_{ij})$.

The centre of mass of n particles is an oscillator of its own, whatever u is.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian


class PairInteraction(ABC):
    """u(r) of two particles at distance r, elementwise."""

    @abstractmethod
    def of_square(self, square: Tensor) -> Tensor:
        """u as a function of r^2."""

    @abstractmethod
    def slope(self, square: Tensor) -> Tensor:
        """du / d(r^2) as a function of r^2."""


class Coulomb(PairInteraction):
    """1 / r in any dimension."""

    def of_square(self, square: Tensor) -> Tensor:
        return square.rsqrt()

    def slope(self, square: Tensor) -> Tensor:
        inverse = square.rsqrt()
        return -0.5 * inverse * inverse * inverse


class Logarithmic(PairInteraction):
    """-coupling ln r: the Coulomb gas of two dimensions."""

    def __init__(self, coupling: float) -> None:
        self.coupling = coupling

    def of_square(self, square: Tensor) -> Tensor:
        return -0.5 * self.coupling * square.log()

    def slope(self, square: Tensor) -> Tensor:
        return -0.5 * self.coupling / square


class LennardJones(PairInteraction):
    """r^-12 - 2 r^-6, with its minimum -1 at r = 1."""

    def of_square(self, square: Tensor) -> Tensor:
        sixth = square.reciprocal().pow(3)
        return sixth * (sixth - 2)

    def slope(self, square: Tensor) -> Tensor:
        inverse = square.reciprocal()
        sixth = inverse.pow(3)
        return -6 * sixth * (sixth - 1) * inverse


class TrappedParticles(ContinuousHamiltonian):
    """Positions are (batch, n, dim)."""

    difference: Tensor  # (n, pairs): x_i - x_j of each pair

    def __init__(self, n: int, stiffness: float, interaction: PairInteraction) -> None:
        super().__init__()
        self.n, self.stiffness, self.interaction = n, stiffness, interaction
        i, j = torch.triu_indices(n, n, offset=1)
        one = torch.eye(n, dtype=torch.float64)
        self.register_buffer("difference", (one[i] - one[j]).T.contiguous(), persistent=False)

    def trap(self, x: Tensor) -> Tensor:
        """(batch, n, dim) -> (batch,)."""
        return 0.5 * self.stiffness * x.square().sum(dim=(1, 2))

    def pair_energy(self, x: Tensor) -> Tensor:
        """(batch, n, dim) -> (batch,)."""
        return self.interaction.of_square((x.mT @ self.difference).square().sum(dim=1)).sum(dim=1)

    def virial(self, x: Tensor) -> Tensor:
        """sum_i x_i . dH/dx_i, whose mean is n dim T in equilibrium: (batch, n, dim) -> (batch,)."""
        square = (x.mT @ self.difference).square().sum(dim=1)
        return 2 * self.trap(x) + 2 * (square * self.interaction.slope(square)).sum(dim=1)

    def energy(self, x: Tensor) -> Tensor:
        return self.trap(x) + self.pair_energy(x)

    def gradient(self, x: Tensor) -> Tensor:
        d = (x := x.detach()).mT @ self.difference
        slope = 2 * self.interaction.slope(d.square().sum(dim=1, keepdim=True))
        return self.stiffness * x + ((slope * d) @ self.difference.mT).mT
