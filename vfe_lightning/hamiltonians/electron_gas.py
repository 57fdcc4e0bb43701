"""Uniform electron gas: electrons and a neutralising background in a periodic cube."""

from torch import Tensor

from vfe_lightning.hamiltonians.ewald import Ewald
from vfe_lightning.hamiltonians.hamiltonian import Hamiltonian
from vfe_lightning.hamiltonians.periodic_box import box_length


class ElectronGas(Hamiltonian):
    r"""$H = -\sum_i \nabla_i^2 + \sum_{i<j} 2 r_s / |r_i - r_j|$ with images and background.

    Lengths in r_s a_0, energies in Ry / r_s^2.
    """

    def __init__(self, n: int, dim: int, rs: float) -> None:
        super().__init__()
        self.n, self.dim, self.rs = n, dim, rs
        self.length = box_length(n, dim)
        self.ewald = Ewald(dim)

    def energy(self, x: Tensor) -> Tensor:
        """Potential energy: (batch, n, dim) -> (batch,)."""
        return (2 * self.rs / self.length) * self.ewald(x / self.length)
