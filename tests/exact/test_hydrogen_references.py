"""Mean-field and exact energies of a few atoms against PySCF and against an earlier code of our own.

PySCF took analytic Fourier integrals and the images of the electrons ("exxdiv" ewald); digits as printed.
"""

import pytest
import torch
from hydrogen import crowd, two_atoms, two_molecules

from vfe_lightning.exact.hydrogen_pair import _kinetic, _on_grid, full_interaction, thermal_pair
from vfe_lightning.exact.proton_hartree_fock import (
    attraction,
    constant,
    determinant_energy,
    restricted_hartree_fock,
)
from vfe_lightning.hamiltonians.screened_atoms import ScreenedAtoms

S, P = [5.0, 1.4, 0.42, 0.15], [1.1, 0.4]


@pytest.mark.parametrize(
    ("exponents", "hartree_fock", "screened"),
    # PySCF has -2.395637 for the first
    [([2.4, 0.6, 0.2], -2.395638, -2.392646), ([1.2, 0.3], -2.343168, -2.340373)],
)
def test_two_molecules(exponents, hartree_fock: float, screened: float) -> None:
    protons, length = two_molecules()
    atoms = ScreenedAtoms(exponents, length, 0.2)
    energy, occupied = restricted_hartree_fock(atoms, protons, 2)
    assert energy == pytest.approx(hartree_fock, abs=2e-6)
    start = atoms(protons[None]).coefficients[:, :, :2]
    both = torch.cat([start, occupied[None]])
    found = determinant_energy(atoms, protons.expand(2, -1, -1), both, both)
    assert found.tolist() == pytest.approx([screened, energy], abs=2e-6)


def test_one_molecule_as_pyscf_has_it() -> None:
    protons, length = two_atoms()
    energy, _ = restricted_hartree_fock(ScreenedAtoms(S, length, 0.2), protons, 1)
    assert energy == pytest.approx(-1.638594, abs=2e-6)
    assert float(full_interaction(protons, length, 0.2, S)[0]) == pytest.approx(-1.650824, abs=2e-6)
    assert float(full_interaction(protons, length, 0.18, S, P)[0]) == pytest.approx(-1.660730, abs=2e-5)


@pytest.mark.parametrize("twist", [(0.5, 0.5, 0.5), (0.5, 0.0, 0.0)])
def test_antiperiodic_electrons(twist) -> None:
    """Two ways to the kinetic energy, and all states, which lie below a determinant."""
    protons, length = crowd(1, 2, 4.0)[0], 4.0
    atoms, exponents = ScreenedAtoms([1.2, 0.4], length, 0.2, twist), [1.2, 0.4]
    functions = _on_grid(atoms.grid, protons, length, exponents, [], twist)
    kinetic = _kinetic(atoms.grid, functions.unflatten(1, (atoms.grid.points,) * 3), twist)
    of_atoms = atoms.gaussians.matrices(protons[None])[1][0]
    torch.testing.assert_close(functions, atoms.on_grid(protons[None])[0])
    torch.testing.assert_close(kinetic, of_atoms, rtol=0, atol=1e-8)
    c = atoms(protons[None]).coefficients[:, :, :1]
    lowest = float(full_interaction(protons, length, 0.2, exponents, twist=twist)[0])
    assert lowest < determinant_energy(atoms, protons[None], c, c).item() + 1e-6


def test_an_electron_does_not_see_itself() -> None:
    """Nor does it any other way of counting: E is its level in the field of bare protons."""
    protons, length = crowd(1, 2, 4.0), 4.0
    atoms = ScreenedAtoms([1.2, 0.3], length, 0.35)
    one = atoms(protons).coefficients[:, :, :1]
    none = one[:, :, :0]
    bare = atoms.matrix(atoms.on_grid(protons), attraction(atoms, protons))
    level = (one.mT @ (atoms.gaussians.matrices(protons)[1] + bare) @ one)[:, 0, 0]
    for spins in ((one, none), (none, one)):
        found = determinant_energy(atoms, protons, *spins)
        torch.testing.assert_close(found, level + constant(atoms, protons, *spins), rtol=0, atol=1e-10)


def test_a_determinant_of_many_is_the_sum_over_its_geometries() -> None:
    protons, length = crowd(3, 4, 5.0), 5.0
    atoms = ScreenedAtoms([1.2, 0.3], length, 0.5)
    c = atoms(protons).coefficients
    together = determinant_energy(atoms, protons, c[:, :, :3], c[:, :, :1])
    alone = [
        determinant_energy(atoms, r[None], k[None, :, :3], k[None, :, :1])
        for r, k in zip(protons, c, strict=True)
    ]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-10)


def test_hartree_fock_says_that_it_did_not_converge() -> None:
    protons, length = two_molecules()
    with pytest.raises(ArithmeticError, match="not self-consistent after 2"):
        restricted_hartree_fock(ScreenedAtoms([1.2, 0.3], length, 0.4), protons, 2, steps=2)


def test_two_atoms_at_ten_thousand_kelvin() -> None:
    """Of few points, within what an earlier code differs with many."""
    found = thermal_pair(2.0, 10_000.0, 4, 0.25, S, P)
    assert found.free_energy == pytest.approx(-1.705292, abs=4e-5)
    assert found.energy == pytest.approx(-1.712118, abs=2e-4)
    assert found.proton_entropy == pytest.approx(-0.2156, abs=6e-3)
    assert found.electron_entropy == pytest.approx(0.0, abs=1e-6)
    entropy = found.proton_entropy + found.electron_entropy
    assert found.free_energy == pytest.approx(found.energy - entropy * 10_000 / 315775.02480407, abs=1e-12)


@pytest.mark.slow
def test_two_atoms_at_ten_thousand_kelvin_with_many_points() -> None:
    found = thermal_pair(2.0, 10_000.0, 8, 0.15, S, P)
    assert found.free_energy == pytest.approx(-1.705292, abs=1e-5)
    assert found.energy == pytest.approx(-1.712118, abs=2e-5)
    assert found.proton_entropy == pytest.approx(-0.2156, abs=2e-4)
