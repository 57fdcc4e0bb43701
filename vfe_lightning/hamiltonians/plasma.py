r"""Classical ions and their neutralising background in a periodic cube, $\beta U = \Gamma \sum a / r$."""

import torch
from torch import Tensor

from vfe_lightning.calculus.gradient import gradient
from vfe_lightning.hamiltonians.ewald import Ewald
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian
from vfe_lightning.hamiltonians.periodic_box import box_length


class Plasma(ContinuousHamiltonian):
    """Positions are (batch, n, 3), in sides of the cube; energies in kT, of all ions with their own images.

    Protons at r_s have V = 2 r_s U in Ry / r_s^2, U that of gamma = 1.
    """

    def __init__(self, n: int, gamma: float) -> None:
        super().__init__()
        self.strength = gamma / box_length(n, 3)  # a / L is one over the side in units of a
        self.ewald = Ewald(3)

    def energy(self, x: Tensor) -> Tensor:
        return self.strength * self.ewald(x)

    def gradient(self, x: Tensor) -> Tensor:
        return gradient(self.energy, x)


def body_centred(cells: int) -> Tensor:
    """The ions of cells^3 cubes with one at the corner and one at the centre: (2 cells^3, 3)."""
    axis = torch.arange(cells, dtype=torch.float64)
    corners = torch.cartesian_prod(axis, axis, axis).reshape(-1, 3)
    return torch.cat([corners, corners + 0.5]) / cells
