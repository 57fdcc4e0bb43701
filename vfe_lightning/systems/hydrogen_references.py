"""What electrons among protons at rest are compared with: mean fields, and all states of a basis."""

import contextlib

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.exact.hydrogen_pair import full_interaction
from vfe_lightning.exact.proton_hartree_fock import determinant_energy, restricted_hartree_fock
from vfe_lightning.hamiltonians.periodic_box import along_axes
from vfe_lightning.hamiltonians.screened_atoms import ScreenedAtoms

FINE = 0.22  # Bohr: spacing whose error is below 1e-4 Ha an atom


def landmarks(d: declarations.HydrogenAtRest, protons: Tensor) -> dict[str, float]:
    """Energies in Hartree of protons (N, 3), those that are known in the basis."""
    spacing = min(FINE, d.orbitals.spacing)
    atoms = ScreenedAtoms(d.orbitals.exponents, d.length, spacing, along_axes(d.twist, 3))
    c = atoms(protons[None]).coefficients
    known = {
        "screened atoms": determinant_energy(atoms, protons[None], c[:, :, : d.up], c[:, :, : d.down]).item()
    }
    if d.up == d.down:
        with contextlib.suppress(ArithmeticError):  # open shells need not converge
            known["Hartree-Fock"] = restricted_hartree_fock(atoms, protons, d.up)[0]
    if d.up == d.down == 1:
        states = full_interaction(
            protons, d.length, spacing, d.orbitals.exponents, twist=along_axes(d.twist, 3)
        )
        known["full configuration interaction of the basis"] = float(states[0])
    return known


def placed(d: declarations.HydrogenAtRest) -> Tensor:
    """Protons, (N, 3), in Bohr."""
    return torch.tensor(d.protons, dtype=torch.float64)
