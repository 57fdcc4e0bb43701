"""Electrons in a two-dimensional harmonic trap."""

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.hamiltonian import Hamiltonian


class QuantumDot(Hamiltonian):
    r"""$H = \sum_i (-\nabla_i^2 + r_i^2) / 2 + Z \sum_{i<j} 1 / |r_i - r_j|$.

    Lengths in sqrt(hbar / m omega), energies in hbar omega; Z = 1 / sqrt(omega in Hartree).
    """

    def __init__(self, z: float) -> None:
        super().__init__()
        self.z = z

    def trap(self, x: Tensor) -> Tensor:
        """sum r^2 / 2: (batch, n, 2) -> (batch,)."""
        return 0.5 * x.square().sum(dim=(1, 2))

    def interaction(self, x: Tensor) -> Tensor:
        """Coulomb energy: (batch, n, 2) -> (batch,)."""
        i, j = torch.triu_indices(x.shape[1], x.shape[1], offset=1, device=x.device)
        return self.z * (x[:, i] - x[:, j]).norm(dim=-1).reciprocal().sum(dim=1)

    def energy(self, x: Tensor) -> Tensor:
        """Potential energy: (batch, n, 2) -> (batch,)."""
        return self.trap(x) + self.interaction(x)
