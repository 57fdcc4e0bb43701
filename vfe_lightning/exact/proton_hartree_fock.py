r"""Mean-field energies of electrons among protons in a periodic cube: of determinants, and the lowest.

With orbitals phi_a of the spins, their densities rho and the Ewald energy U of unit charges,

$$ E = \sum_a \langle a | -\nabla^2 / 2 + v | a \rangle + \tfrac12 \int \rho v_\rho
   - \tfrac12 \sum_{a b} (a b | b a) + U(S) + n \xi / (2 L), $$

the last for the images of each electron. Hartree-Fock is restricted, with the extrapolation of P. Pulay,
Chem. Phys. Lett. 73, 393 (1980). Bohr, Hartree; what the grid costs falls fast with its spacing.
"""

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.screened_atoms import ScreenedAtoms, orthonormal

REMEMBERED = 6  # Fock matrices that are extrapolated from


@torch.no_grad()
def determinant_energy(atoms: ScreenedAtoms, protons: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """E, (geometries,), of protons (geometries, N, 3) and orbitals of each spin (geometries, M, n)."""
    grid = atoms.grid
    kinetic = atoms.gaussians.matrices(protons)[1]
    spins = [c for c in (up, down) if c.shape[2]]
    values = [atoms.orbitals_on_grid(protons, c) for c in spins]  # (geometries, n, points^3)
    density = torch.stack([v.square().sum(1) for v in values]).sum(0).unflatten(1, (grid.points,) * 3)
    mean_field = attraction(atoms, protons) + grid.potential(density) / 2
    energy = (density * mean_field).sum((1, 2, 3)) * grid.cell + constant(atoms, protons, up, down)
    for c, v in zip(spins, values, strict=True):
        energy = energy + ((kinetic @ c) * c).sum((1, 2))
        for a in range(v.shape[1]):  # (a b | b a) of b = a, and twice of b > a
            pairs = (v[:, a:] * v[:, a, None]).unflatten(2, (grid.points,) * 3)
            exchange = (pairs * grid.potential(pairs)).sum((2, 3, 4)) * grid.cell
            energy = energy - exchange[:, 0] / 2 - exchange[:, 1:].sum(1)
    return energy


@torch.no_grad()
def restricted_hartree_fock(
    atoms: ScreenedAtoms, protons: Tensor, pairs: int, steps: int = 60, tolerance: float = 1e-6
) -> tuple[float, Tensor]:
    """E and the occupied orbitals (M, pairs) of as many pairs of electrons among protons (N, 3).

    Raises:
        ArithmeticError: no self-consistency within so many steps.
    """
    protons = protons[None]
    grid, functions = atoms.grid, atoms.on_grid(protons)
    overlap, kinetic = atoms.gaussians.matrices(protons)
    core = kinetic + atoms.matrix(functions, attraction(atoms, protons))
    occupied = atoms(protons).coefficients[:, :, :pairs]
    found: list[Tensor] = []
    residuals: list[Tensor] = []
    for _ in range(steps):
        values = (occupied.mT @ functions)[0].unflatten(1, (grid.points,) * 3)
        fock = core + atoms.matrix(functions, grid.potential(2 * values.square().sum(0))[None])
        for value in values:
            products = functions[0].unflatten(1, (grid.points,) * 3) * value
            of_products = grid.potential(products).flatten(1)
            fock = fock - (products.flatten(1) @ of_products.mT) * grid.cell
        density = occupied @ occupied.mT
        residual = fock @ density @ overlap - overlap @ density @ fock
        found, residuals = [*found, fock][-REMEMBERED:], [*residuals, residual][-REMEMBERED:]
        if residual.abs().max() < tolerance:
            energy = ((core + fock) * density).sum() + constant(atoms, protons, occupied, occupied)[0]
            return float(energy), occupied[0]
        mixed = (_extrapolation(residuals)[:, None, None, None] * torch.stack(found)).sum(0)
        occupied = orthonormal(mixed, overlap, atoms.gaussians.smallest)[1][:, :, :pairs]
    raise ArithmeticError(f"Hartree-Fock is not self-consistent after {steps} steps")


def attraction(atoms: ScreenedAtoms, protons: Tensor) -> Tensor:
    """The potential of bare protons on the grid, (geometries, points, points, points)."""
    return atoms.grid.values(-atoms.grid.coulomb * atoms.grid.structure(protons))


def constant(atoms: ScreenedAtoms, protons: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """Energies of the protons and of the images of each electron: (geometries,)."""
    length, ewald = atoms.grid.length, atoms.ewald
    electrons = up.shape[2] + down.shape[2]
    return (ewald(protons / length) + electrons * ewald.madelung / 2) / length


def _extrapolation(residuals: list[Tensor]) -> Tensor:
    """Weights, one in all, whose mean residual is least."""
    size = len(residuals)
    flat = torch.stack([r.flatten() for r in residuals])
    scale = flat[-1].square().sum()
    bordered = flat.new_full((size + 1, size + 1), -1.0)
    bordered[:size, :size] = flat @ flat.T / scale
    bordered[size, size] = 0.0
    right = flat.new_zeros(size + 1)
    right[size] = -1.0
    return torch.linalg.lstsq(bordered, right[:, None]).solution[:size, 0]
