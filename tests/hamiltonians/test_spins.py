"""Couplings of lattices and networks against what they are defined by."""

import pytest
import torch
from judging import agrees
from spins import all_spins

from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.spins import (
    PairwiseSpins,
    balanced_patterns,
    hopfield_couplings,
    sherrington_kirkpatrick_couplings,
)


@pytest.mark.parametrize(
    ("steps", "periodic", "count"),
    [
        (lattices.SQUARE, True, 2 * 25),
        (lattices.SQUARE, False, 2 * 5 * 4),
        (lattices.TRIANGULAR, True, 3 * 25),
        (lattices.TRIANGULAR, False, 2 * 5 * 4 + 16),
    ],
)
def test_energy_is_a_sum_over_neighbours(steps, periodic, count):
    L, J = 5, -0.7
    bonds = lattices.bonds(L, steps, periodic)
    assert len(bonds) == count
    s = torch.randn(3, L, L, generator=torch.Generator().manual_seed(0), dtype=torch.float64).sign()
    expected = torch.zeros(3, dtype=torch.float64)
    for down, right in steps:
        shifted = torch.roll(s, (-down, -right), dims=(1, 2))
        inside = s * shifted if periodic else (s * shifted)[:, : L - down, : L - right]
        expected -= J * inside.sum(dim=(1, 2))
    energy = PairwiseSpins(lattices.couplings(bonds, J, L * L)).energy(s.flatten(1))
    torch.testing.assert_close(energy, expected)


def test_two_sites_around_a_ring_have_two_bonds():
    assert lattices.couplings(lattices.bonds(2, lattices.SQUARE), 1.0, 4).sum() == 16


def test_hopfield_energy_is_that_of_the_overlaps():
    n, count = 10, 3
    patterns = balanced_patterns(n, count, seed=1)
    s = all_spins(n)
    overlaps = s @ patterns.mT
    expected = -overlaps.square().sum(dim=1) / (2 * n) + count / 2
    torch.testing.assert_close(PairwiseSpins(hopfield_couplings(patterns)).energy(s), expected)


@pytest.mark.parametrize(("n", "count"), [(100, 2), (32, 4)])
def test_patterns_are_orthogonal_and_balanced(n, count):
    patterns = balanced_patterns(n, count, seed=7)
    torch.testing.assert_close(patterns @ patterns.mT, n * torch.eye(count, dtype=torch.float64))
    assert not patterns.sum(dim=1).any()
    assert not torch.equal(patterns, balanced_patterns(n, count, seed=8))


def test_spin_glass_couplings_have_variance_one_over_n():
    J = sherrington_kirkpatrick_couplings(400, seed=0)
    upper = J[tuple(torch.triu_indices(400, 400, 1))]
    assert agrees(upper.var() * 400, (2 / len(upper)) ** 0.5, 1.0)


@pytest.mark.parametrize("J", [torch.eye(3), torch.tensor([[0.0, 1.0], [0.5, 0.0]])])
def test_couplings_that_are_none_are_refused(J):
    with pytest.raises(ValueError, match="symmetric"):
        PairwiseSpins(J)
