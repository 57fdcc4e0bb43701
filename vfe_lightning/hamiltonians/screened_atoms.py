r"""Orbitals of electrons among protons: one diagonalisation of a superposition of screened atoms.

$$ h = -\nabla^2 / 2 + \sum_I v(r - S_I) - (3 \rho / \pi)^{1/3}, \qquad
   v_G = -\frac{4 \pi}{G^2} (1 - \rho_G), \quad \rho_G = (1 + G^2 / 4)^{-2} $$

with rho the density of 1s atoms around all protons: their Coulomb potentials and local exchange. It is
neutral, analytic in S, and within a few mHa an atom of Hartree-Fock without any self-consistency: S. Lehtola,
J. Chem. Theory Comput. 15, 1593 (2019). Bohr, Hartree.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vfe_lightning.errors import Refused
from vfe_lightning.hamiltonians.ewald import Ewald
from vfe_lightning.hamiltonians.periodic_gaussians import PERIODIC, PeriodicGaussians
from vfe_lightning.hamiltonians.spectral_grid import SpectralGrid

SINGULAR = 1e-6  # smallest eigenvalue of the overlap whose inverse does not amplify the errors of the grid
DEGENERATE = 1e-6  # Hartree: levels that are closer are told apart by rounding alone
HELD = 2**24  # values of basis functions on the grid that are held at once


class Orbitals(NamedTuple):
    """Orthonormal orbitals of each geometry by rising energy."""

    energies: Tensor  # (geometries, M), in Hartree
    coefficients: Tensor  # (geometries, M, M): of basis functions (rows) in orbitals (columns)


class ScreenedAtoms(nn.Module):
    """Gaussians of the exponents on each proton, in a cube of side `length`; twists are 0 or 1/2."""

    def __init__(
        self,
        exponents: Sequence[float],
        length: float,
        spacing: float,
        twist: tuple[float, ...] = PERIODIC,
    ) -> None:
        super().__init__()
        self.gaussians = PeriodicGaussians(exponents, length, twist)
        self.grid, self.ewald = SpectralGrid(length, spacing), Ewald(3)

    @torch.no_grad()
    def forward(self, protons: Tensor) -> Orbitals:
        """Of protons (geometries, N, 3), all at once but for the memory of the grid.

        Raises:
            Refused: Gaussians of neighbours are linearly dependent.
        """
        mean_field = torch.cat([self._mean_field(some) for some in protons.split(self._few(protons))])
        overlap, kinetic = self.gaussians.matrices(protons)
        return Orbitals(*orthonormal(kinetic + mean_field, overlap, self.gaussians.smallest))

    @torch.no_grad()
    def told_apart(self, protons: Tensor, found: Orbitals) -> Orbitals:
        """The same, with degenerate levels in a basis that is the same on all machines, but for signs.

        They are eigenfunctions of a potential without any symmetry.
        """
        phase = 2 * math.pi / self.grid.length * self.grid.axis
        x, y, z = (torch.exp(c * torch.cos(phase - p)) for c, p in ((1.0, 0.3), (1.4, 1.9), (1.8, 4.1)))
        potential = (x[:, None, None] * y[:, None] * z)[None]
        functions = self.orbitals_on_grid(protons, found.coefficients)
        matrix = self.matrix(functions, potential.expand(len(protons), -1, -1, -1))
        coefficients = found.coefficients.clone()
        for one, energies in enumerate(found.energies):
            ends = (energies.diff() > DEGENERATE).nonzero().flatten() + 1
            for level in torch.arange(len(energies), device=energies.device).tensor_split(ends.cpu()):
                if len(level) > 1:
                    turned = torch.linalg.eigh(matrix[one][level][:, level])[1]
                    coefficients[one][:, level] = found.coefficients[one][:, level] @ turned
        return Orbitals(found.energies, coefficients)

    def on_grid(self, protons: Tensor) -> Tensor:
        """Basis functions on the grid, (geometries, M, points^3)."""
        return self.gaussians.on_grid(self.grid.axis, protons)

    def orbitals_on_grid(self, protons: Tensor, coefficients: Tensor) -> Tensor:
        """The same of orbitals, (geometries, n, points^3), of coefficients (geometries, M, n)."""
        parts = zip(protons.split(few := self._few(protons)), coefficients.split(few), strict=True)
        return torch.cat([c.mT @ self.on_grid(some) for some, c in parts])

    def matrix(self, functions: Tensor, potential: Tensor) -> Tensor:
        """Of a potential (geometries, points, points, points) between functions on the grid."""
        return (functions * potential.flatten(1)[:, None]) @ functions.mT * self.grid.cell

    def _few(self, protons: Tensor) -> int:
        """Geometries whose basis functions are held at once."""
        size = protons.shape[1] * len(self.gaussians.exponents)
        return max(1, HELD // (size * self.grid.points**3))

    def _mean_field(self, protons: Tensor) -> Tensor:
        grid = self.grid
        structure = grid.structure(protons)
        atom = (1 + grid.square / 4) ** -2
        density = grid.values(structure * atom).clamp(min=0)
        attraction = grid.values(-grid.coulomb * (1 - atom) * structure)
        return self.matrix(self.on_grid(protons), attraction - (3 / math.pi * density) ** (1 / 3))


def orthonormal(hamiltonian: Tensor, overlap: Tensor, smallest: float) -> tuple[Tensor, Tensor]:
    """h C = O C e with C^T O C = 1: e (batch, M) and C (batch, M, M).

    Raises:
        Refused: the overlap is singular.
    """
    norm, vectors = torch.linalg.eigh(overlap)
    if (norm[:, 0] < SINGULAR).any():
        raise Refused(
            f"the Gaussians on the protons are linearly dependent, with an eigenvalue of their overlaps of "
            f"{float(norm.min()):.1e}: leave the most diffuse of the --orbitals.exponents out, {smallest:g}"
        )
    basis = vectors * norm.rsqrt()[:, None]
    energies, turned = torch.linalg.eigh(basis.mT @ hamiltonian @ basis)
    return energies, basis @ turned
