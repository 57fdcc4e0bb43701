"""Determinants among protons: the density of their samples, and the bound that they are proposed with."""

import math
from unittest import mock

import numpy as np
import pytest
import torch
from hydrogen import crowd, two_molecules
from judging import follows
from torch import Tensor

from vfe_lightning.errors import Refused
from vfe_lightning.hamiltonians.screened_atoms import ScreenedAtoms
from vfe_lightning.wavefunctions import grid_hat
from vfe_lightning.wavefunctions.grid_hat import GridHat, in_fixed_shape, require_bound

SAMPLES = 6000


def shares(atoms: ScreenedAtoms, protons: Tensor, occupied: Tensor, boxes: int) -> Tensor:
    """Integrals of phi_a phi_b over boxes, as many an axis: (boxes^3, n, n)."""
    length = atoms.grid.length
    node, weight = map(torch.from_numpy, np.polynomial.legendre.leggauss(12))
    axis = ((torch.arange(boxes)[:, None] + (node + 1) / 2) * length / boxes).flatten()
    weight = (weight / 2 * length / boxes).repeat(boxes)
    phi = (occupied.mT @ atoms.gaussians.on_grid(axis, protons))[0]
    volume = (weight[:, None, None] * weight[:, None] * weight).flatten()
    products = (phi[:, None] * phi * volume).unflatten(2, (boxes, 12, boxes, 12, boxes, 12))
    return products.sum((3, 5, 7)).flatten(2).permute(2, 0, 1)


def boxes_of(z: Tensor, length: float, boxes: int) -> Tensor:
    a, b, c = (z * boxes / length).long().clamp(max=boxes - 1).unbind(-1)
    return (a * boxes + b) * boxes + c


@pytest.mark.parametrize(("start", "n"), [(0, 1), (0, 2), (3, 2)])
def test_samples_have_the_density_of_the_determinant(start: int, n: int) -> None:
    """Of all its particles together, in boxes: (S_aa S'_bb - S_ab S'_ab) / 2 of two, chi-squared."""
    protons, length = two_molecules()
    atoms = ScreenedAtoms([2.4, 0.6, 0.2], length, 0.33)
    occupied = atoms(protons[None]).coefficients[:, :, start : start + n]
    hat = GridHat(atoms, protons[None], occupied)
    z = hat.sample(torch.zeros(SAMPLES, dtype=torch.long), torch.Generator().manual_seed(start))
    assert ((z >= 0) & (z < length)).all()
    for boxes in (4, 2):
        share = shares(atoms, protons[None], occupied, boxes)
        traces = torch.diagonal(share, dim1=1, dim2=2).sum(-1)
        assert float(traces.sum()) == pytest.approx(n, abs=1e-5)
        cells = boxes_of(z, length, boxes)
        for k in range(n):
            counts = cells[:, k].bincount(minlength=boxes**3)
            assert follows(counts, SAMPLES * traces / traces.sum())
    if n == 2:
        pairs = (traces[:, None] * traces - torch.einsum("iab,jba->ij", share, share)) / 2
        counts = (cells[:, 0] * len(pairs) + cells[:, 1]).bincount(minlength=len(pairs) ** 2)
        assert follows(counts, SAMPLES * (pairs / pairs.sum()).flatten())


def test_each_geometry_has_samples_of_its_own() -> None:
    protons, length = crowd(2, 2, 6.0), 6.0
    protons[1] = (protons[0] + 3) % length
    atoms = ScreenedAtoms([1.2, 0.3], length, 0.4)
    hat = GridHat(atoms, protons, atoms(protons).coefficients[:, :, :1])
    geometry = torch.arange(2).repeat(SAMPLES // 2)
    z = hat.sample(geometry, torch.Generator().manual_seed(1))[:, 0]
    for k in range(2):
        share = shares(atoms, protons[k : k + 1], hat.occupied[k : k + 1], 2)[:, 0, 0]
        counts = boxes_of(z[geometry == k], length, 2).bincount(minlength=8)
        assert follows(counts, SAMPLES / 2 * share / share.sum())


@pytest.mark.parametrize("exponents", [[1.2, 0.3], [2.4, 0.6, 0.2], [5.0, 1.5, 0.5, 0.2]])
def test_bounds_hold_next_to_protons_anywhere(exponents: list[float]) -> None:
    """Where densities are highest, and at three fourths of the proposals' margin anywhere else."""
    length = 6.0
    protons = torch.cat([crowd(8, 4, length), crowd(8, 4, length).mul(0.4)])
    atoms = ScreenedAtoms(exponents, length, 0.33)
    with mock.patch("vfe_lightning.hamiltonians.screened_atoms.SINGULAR", 1e-7):
        occupied = atoms(protons).coefficients[:, :, :2]
    hat = GridHat(atoms, protons, occupied)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(16, 400, 3, generator=generator, dtype=torch.float64)
    near = protons.repeat(1, 100, 1) + 0.15 * noise
    density = (atoms.gaussians.at(near, protons)[0] @ occupied).square().sum(-1)
    cell = boxes_of(near % length, length, atoms.grid.points)
    assert (density < hat.bound.gather(1, cell) / grid_hat.MARGIN ** (1 / 4)).all()
    hat.sample(torch.arange(400) % 16, generator)
    assert float(hat.largest) < grid_hat.MARGIN ** (-1 / 4)
    assert (hat.acceptance > 0.4).all()


def test_a_bound_that_does_not_hold_is_refused_in_one_line() -> None:
    protons, length = crowd(1, 2, 6.0), 6.0
    atoms = ScreenedAtoms([5.0, 1.5, 0.5], length, 0.5)
    with mock.patch.object(grid_hat, "MARGIN", 0.9):
        hat = GridHat(atoms, protons, atoms(protons).coefficients[:, :, :1])
    with pytest.raises(Refused, match=r"lower --orbitals\.spacing") as refused:
        hat.sample(torch.zeros(500, dtype=torch.long), torch.Generator().manual_seed(0))
    assert "\n" not in str(refused.value) and math.isfinite(float(hat.largest))


def test_samples_of_fixed_shape_have_the_same_density() -> None:
    """As a GPU draws them; who has found no place is told."""
    protons, length = two_molecules()
    atoms = ScreenedAtoms([2.4, 0.6, 0.2], length, 0.33)
    occupied = atoms(protons[None]).coefficients[:, :, :2]
    geometry = torch.zeros(SAMPLES, dtype=torch.long)
    generator = torch.Generator().manual_seed(4)
    z, missed, largest = in_fixed_shape(atoms, protons[None], occupied, geometry, generator)
    require_bound(largest)
    share = shares(atoms, protons[None], occupied, 4)
    traces = torch.diagonal(share, dim1=1, dim2=2).sum(-1)
    assert missed.shape == (SAMPLES,) and float(missed.double().mean()) < 0.01
    for k in range(2):
        counts = boxes_of(z[~missed, k], length, 4).bincount(minlength=64)
        assert follows(counts, (~missed).sum() * traces / traces.sum())
