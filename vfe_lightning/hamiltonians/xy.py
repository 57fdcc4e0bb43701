r"""The XY model, planar spins on a square torus.

$$ H = -J \sum_{\langle ij \rangle} \cos(\theta_i - \theta_j) $$

Kosterlitz & Thouless, J. Phys. C 6, 1181 (1973). Angles are (batch, L^2), sites in raster order.
"""

import math

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian


class XY(ContinuousHamiltonian):
    """Every site has a bond to the right and one down, so that at L = 2 two sites have two bonds."""

    def __init__(self, L: int, J: float) -> None:
        super().__init__()
        self.L, self.J = L, J

    def energy(self, x: Tensor) -> Tensor:
        return -self.J * differences(x, self.L).cos().sum(dim=(0, 2, 3))

    def gradient(self, x: Tensor) -> Tensor:
        down, right = self.J * differences(x.detach(), self.L).sin()
        # each bond pulls its second site by what it pulls its first one, with the other sign
        pull = torch.roll(down, 1, dims=1) - down + torch.roll(right, 1, dims=2) - right
        return pull.flatten(1)


def differences(x: Tensor, L: int) -> Tensor:
    """theta of the site below, and of that to the right, less that of the site: (2, batch, L, L)."""
    grid = x.view(-1, L, L)
    return torch.stack([torch.roll(grid, -1, dims=axis) - grid for axis in (1, 2)])


def helicity_modulus(x: Tensor, L: int, J: float, beta: float) -> Tensor:
    r"""What averages to the stiffness against a twist, mean of both directions: (batch,).

    $\Upsilon = L^{-2} [ J \langle \sum \cos \rangle - \beta J^2 \langle (\sum \sin)^2 \rangle ]$ over
    the bonds of one direction: Weber & Minnhagen, Phys. Rev. B 37, 5986 (1988). At the Kosterlitz-Thouless
    transition of the infinite lattice it jumps from 2 / (pi beta) to zero.
    """
    bonds = differences(x, L)
    along = J * bonds.cos().sum(dim=(2, 3))
    twist = J * bonds.sin().sum(dim=(2, 3))
    return (along - beta * twist.square()).mean(dim=0) / L**2


def magnetization(x: Tensor) -> Tensor:
    """Length of the mean spin: (batch, sites) -> (batch,)."""
    return torch.hypot(x.cos().mean(dim=1), x.sin().mean(dim=1))


def vortices(x: Tensor, L: int) -> Tensor:
    """Plaquettes around which the angle turns once, of either sign, as a share of the sites: (batch,)."""
    down, right = torch.remainder(differences(x, L) + math.pi, 2 * math.pi) - math.pi
    around = right + torch.roll(down, -1, dims=2) - torch.roll(right, -1, dims=1) - down
    return (around / (2 * math.pi)).round().abs().mean(dim=(1, 2))
