"""Correlation functions of gases and lattices that are known."""

import math

import pytest
import torch
from judging import agrees

from vfe_lightning.estimators.correlations import (
    occupation_numbers,
    pair_correlation,
    paired,
    reciprocal_shells,
    shell_edges,
    structure_factor,
)
from vfe_lightning.hamiltonians.periodic_box import plane_waves
from vfe_lightning.statistics import Moments
from vfe_lightning.wavefunctions.free_fermions import free_fermions

LENGTH = 2.5


def uniform(batch: int, n: int, dim: int) -> torch.Tensor:
    return LENGTH * torch.rand(batch, n, dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("dim", [2, 3])
def test_independent_particles_are_uncorrelated(dim):
    """g(r) = 1 in every bin and S(k) = 1 in every shell, from 4000 samples."""
    x = uniform(4000, 6, dim)
    g = Moments.of(pair_correlation(x, LENGTH, 10))
    assert g.mean.shape == (10,)
    assert agrees(g.mean, g.error, 1.0)
    s = Moments.of(structure_factor(x, *reciprocal_shells(dim, LENGTH, 4)))
    assert agrees(s.mean, s.error, 1.0)


def test_all_pairs_closer_than_half_the_box_are_counted():
    x = uniform(7, 5, 2)
    volume = math.pi * shell_edges(LENGTH, 8).square().diff()
    pairs = (pair_correlation(x, LENGTH, 8) * volume / LENGTH**2 * 10).sum(1)
    r = x[:, :, None] - x[:, None]
    distance = (r - LENGTH * (r / LENGTH).round()).norm(dim=-1)
    expected = ((distance < LENGTH / 2).sum((1, 2)) - 5) / 2
    torch.testing.assert_close(pairs, expected.double(), rtol=1e-12, atol=1e-12)


def test_images_do_not_matter():
    x = uniform(3, 5, 3)
    moved = x + LENGTH * torch.randint(-2, 3, x.shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(pair_correlation(moved, LENGTH, 9), pair_correlation(x, LENGTH, 9))
    k, shells = reciprocal_shells(3, LENGTH, 3)
    torch.testing.assert_close(
        structure_factor(moved, k, shells), structure_factor(x, k, shells), rtol=1e-9, atol=1e-9
    )


def test_structure_factor_of_a_lattice_is_a_bragg_peak():
    """Four particles in a row: S = 4 at multiples of the reciprocal vector 4, zero between."""
    x = torch.zeros(1, 4, 2, dtype=torch.float64)
    x[0, :, 0] = LENGTH / 4 * torch.arange(4)
    k = 2 * math.pi / LENGTH * torch.tensor([[1.0, 0], [2, 0], [4, 0], [4, 1]], dtype=torch.float64)
    found = structure_factor(x, k, torch.arange(4))[0]
    torch.testing.assert_close(found, torch.tensor([0.0, 0, 4, 4], dtype=torch.float64), rtol=0, atol=1e-12)
    mixed = structure_factor(x, k, torch.tensor([0, 1, 1, 0]))[0]
    torch.testing.assert_close(mixed, torch.tensor([2.0, 2.0], dtype=torch.float64), rtol=0, atol=1e-12)


def test_structure_factor_of_free_fermions():
    """S(q) = 1 - overlap of the Fermi sea with itself shifted by q, in every shell."""
    momenta = 2 * math.pi / LENGTH * plane_waves(2, 1, (0.0, 0.0))
    x = free_fermions(momenta.expand(8000, -1, -1), LENGTH, torch.Generator().manual_seed(0))
    k, shells = reciprocal_shells(2, LENGTH, 5)
    overlap = ((momenta[:, None] - momenta)[None] - k[:, None, None]).norm(dim=-1) < 1e-9
    per_vector = 1 - overlap.sum((1, 2)).double() / len(momenta)
    exact = torch.stack([per_vector[shells == s].mean() for s in shells.unique()])
    found = Moments.of(structure_factor(x, k, shells))
    assert float(exact.min()) < 0.7
    assert agrees(found.mean, found.error, exact)


def test_reciprocal_shells_hold_one_of_each_pair():
    k, shells = reciprocal_shells(3, LENGTH, 5)
    grid = (k * LENGTH / (2 * math.pi)).round().int()
    assert 2 * len(k) + 1 == len(plane_waves(3, 5, (0.0,) * 3))
    vectors = {tuple(v) for v in grid.tolist()}
    assert not vectors & {tuple(v) for v in (-grid).tolist()}
    for s in shells.unique():
        assert len(grid[shells == s].square().sum(1).unique()) == 1


def test_occupation_numbers():
    numbers = occupation_numbers(torch.tensor([[0, 2], [1, 3]]), 4)
    assert numbers.tolist() == [[1, 0, 1, 0], [0, 1, 0, 1]]
    assert numbers.dtype == torch.float64


def test_protons_in_molecules_are_those_that_have_each_other():
    """A molecule across a face of the cube, one near it and two far apart; and a trimer beside a pair."""
    third = torch.tensor([[0.1, 0, 0], [9.5, 0, 0], [1.7, 0, 0], [5, 5, 5], [5, 5, 8.0]], dtype=torch.float64)
    chain = torch.tensor([[0, 0, 0], [1.0, 0, 0], [1.9, 0, 0], [5, 5, 5], [5, 5, 6.5]], dtype=torch.float64)
    shares = paired(torch.stack([third, chain]), 10.0, 1.8)
    torch.testing.assert_close(shares, torch.tensor([0.4, 0.8], dtype=torch.float64))
