"""Gaussians on protons, their matrices and the orbitals of screened atoms."""

import itertools
from collections.abc import Callable

import pytest
import torch
from hydrogen import body_centred, crowd, two_molecules
from torch import Tensor
from torch.autograd.functional import hessian, jacobian

from vfe_lightning.errors import Refused
from vfe_lightning.hamiltonians.periodic_gaussians import PeriodicGaussians
from vfe_lightning.hamiltonians.screened_atoms import Orbitals, ScreenedAtoms

LENGTH = 4.0
DIFFUSE = [0.9, 0.25]


@pytest.mark.parametrize("twist", [(0.0, 0.0, 0.0), (0.5, 0.0, 0.5)])
def test_derivatives_of_gaussians_equal_autograd(twist) -> None:
    gaussians, protons = PeriodicGaussians(DIFFUSE, LENGTH, twist), crowd(1, 2, LENGTH)
    points = crowd(1, 3, LENGTH)
    found = torch.stack(gaussians.at(points, protons, 2))  # (10, 1, points, functions)

    def at(point: Tensor) -> Tensor:
        return gaussians.at(point.view(1, 1, 3), protons)[0].flatten()

    def one(function: int) -> Callable[[Tensor], Tensor]:
        return lambda point: at(point)[function]

    for k, point in enumerate(points[0]):
        torch.testing.assert_close(found[0, 0, k], at(point))
        torch.testing.assert_close(found[1:4, 0, k].T, jacobian(at, point))
        for f in range(4):
            second = torch.as_tensor(hessian(one(f), point))
            expected = second[torch.triu_indices(3, 3).unbind()]
            torch.testing.assert_close(found[4:, 0, k, f], expected)


def test_matrices_equal_sums_over_the_grid() -> None:
    """Which are exact for functions as smooth as these."""
    atoms, protons = ScreenedAtoms(DIFFUSE, LENGTH, 0.25), crowd(2, 3, LENGTH)
    overlap, kinetic = atoms.gaussians.matrices(protons)
    grid, functions = atoms.grid, atoms.on_grid(protons)
    torch.testing.assert_close(functions @ functions.mT * grid.cell, overlap, rtol=0, atol=1e-10)
    waves = functions.unflatten(2, (grid.points,) * 3)
    moved = torch.fft.irfftn(
        torch.fft.rfftn(waves, dim=(2, 3, 4)) * grid.square, s=waves.shape[2:], dim=(2, 3, 4)
    )
    by_waves = 0.5 * functions @ moved.flatten(2).mT * grid.cell
    torch.testing.assert_close(by_waves, kinetic, rtol=0, atol=1e-9)


@pytest.mark.parametrize("twist", [(0.5, 0.5, 0.5), (0.0, 0.5, -0.5)])
def test_twisted_functions_change_their_sign_from_cube_to_cube(twist) -> None:
    gaussians, protons, points = (
        PeriodicGaussians(DIFFUSE, LENGTH, twist),
        crowd(1, 2, LENGTH),
        crowd(1, 3, LENGTH),
    )
    (there,) = gaussians.at(points, protons)
    for axis, turned in enumerate(twist):
        for moved, still in ((points, protons), (protons, points)):
            shifted = moved.clone()
            shifted[..., axis] += LENGTH
            (found,) = gaussians.at(*((shifted, still) if moved is points else (still, shifted)))
            torch.testing.assert_close(found, there * (-1 if turned else 1))


def test_levels_of_a_doubled_cube_are_those_of_all_twists() -> None:
    """Eight copies of the cube are periodic functions of twice its side, and nothing else is."""
    exponents, protons = [1.2, 0.3], crowd(1, 2, LENGTH)
    twists = itertools.product((0.0, 0.5), repeat=3)
    each = [ScreenedAtoms(exponents, LENGTH, 0.5, twist)(protons).energies for twist in twists]
    cubes = torch.cartesian_prod(*[torch.tensor([0.0, LENGTH], dtype=torch.float64)] * 3)
    copies = (protons[:, :, None] + cubes).flatten(1, 2)
    doubled = ScreenedAtoms(exponents, 2 * LENGTH, 0.5)(copies).energies
    torch.testing.assert_close(doubled, torch.cat(each, dim=1).sort()[0], rtol=0, atol=1e-10)


@pytest.mark.parametrize("twist", [(0.0, 0.0, 0.0), (0.5, 0.5, 0.5)])
def test_a_point_of_the_grid_is_a_point(twist) -> None:
    atoms, protons = ScreenedAtoms(DIFFUSE, LENGTH, 0.5, twist), crowd(2, 3, LENGTH)
    points = torch.cartesian_prod(*[atoms.grid.axis] * 3).expand(2, -1, 3)
    torch.testing.assert_close(atoms.on_grid(protons).mT, atoms.gaussians.at(points, protons)[0])


def test_orbitals_are_orthonormal_and_of_each_geometry_alone() -> None:
    atoms, protons = ScreenedAtoms([1.2, 0.3], LENGTH, 0.4), crowd(3, 2, LENGTH)
    orbitals = atoms(protons)
    overlap, _ = atoms.gaussians.matrices(protons)
    c = orbitals.coefficients
    unit = torch.eye(4, dtype=torch.float64).expand(3, 4, 4)
    torch.testing.assert_close(c.mT @ overlap @ c, unit, rtol=0, atol=1e-12)
    alone = torch.cat([atoms(one[None]).energies for one in protons])
    torch.testing.assert_close(orbitals.energies, alone, rtol=0, atol=1e-12)


def test_orbitals_follow_the_symmetries_of_the_cube() -> None:
    atoms, (protons, length) = ScreenedAtoms([2.4, 0.6, 0.2], two_molecules()[1], 0.3), two_molecules()
    lattice = length * torch.tensor([[1, 0, 0], [0, -1, 0], [0, 0, 0], [2, 0, 1]], dtype=torch.float64)
    step = length / atoms.grid.points * torch.tensor([3.0, -1.0, 7.0], dtype=torch.float64)
    changes = [protons, protons.flip(0), protons + lattice, -protons, protons.roll(1, 1), protons + step]
    energies = atoms(torch.stack(changes)).energies
    torch.testing.assert_close(energies, energies[:1].expand(6, -1), rtol=0, atol=1e-9)


def test_dependent_gaussians_are_refused_in_one_line() -> None:
    protons, length = body_centred(1.31)
    with pytest.raises(Refused, match=r"linearly dependent.*exponents out, 0\.2") as refused:
        ScreenedAtoms([2.4, 0.6, 0.2], length, 0.33)(protons[None])
    assert "\n" not in str(refused.value)
    ScreenedAtoms([2.4, 0.6], length, 0.33)(protons[None])


def test_degenerate_levels_have_a_basis_that_rounding_does_not_decide() -> None:
    """A square of four atoms: two levels are one, whose basis a library may choose."""
    side, length = 2.0, 8.0
    corners = [[0.0, 0.0], [side, 0.0], [side, side], [0.0, side]]
    protons = torch.tensor([[3 + x, 3 + y, 4.0] for x, y in corners], dtype=torch.float64)[None]
    atoms = ScreenedAtoms([1.4, 0.42], length, 0.4)
    found = atoms(protons)
    gaps = found.energies[0].diff()
    assert (gaps[1] < 1e-9) and (gaps[0] > 0.05)
    angle = torch.tensor(0.7, dtype=torch.float64)
    turn = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
    other = found.coefficients.clone()
    other[0, :, 1:3] = other[0, :, 1:3] @ turn
    one, two = (atoms.told_apart(protons, Orbitals(found.energies, c)) for c in (found.coefficients, other))
    signs = (one.coefficients * two.coefficients).sum(1, keepdim=True).sign()
    torch.testing.assert_close(one.coefficients, two.coefficients * signs, rtol=0, atol=1e-7)
    overlap = atoms.gaussians.matrices(protons)[0]
    unit = one.coefficients.mT @ overlap @ one.coefficients
    torch.testing.assert_close(unit, torch.eye(8, dtype=torch.float64)[None], rtol=0, atol=1e-9)
    alone = [0, 3]
    torch.testing.assert_close(one.coefficients[:, :, alone], found.coefficients[:, :, alone])
