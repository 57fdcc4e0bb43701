"""Densities in a trap: against hand counts and the densities of orbitals."""

import math

import torch
from judging import agrees

from vfe_lightning.estimators.trap_correlations import pair_density, radial_density, shell_volumes
from vfe_lightning.statistics import Moments


def test_radial_density_counts_particles_an_area() -> None:
    x = torch.tensor([[[0.1, 0.0], [0.0, -1.5], [5.0, 0.0]]], dtype=torch.float64)
    found = radial_density(x, edge=2.0, bins=4)
    expected = torch.tensor([[1.0, 0, 0, 1]], dtype=torch.float64) / shell_volumes(2.0, 4, 2)
    torch.testing.assert_close(found, expected)


def test_radial_density_of_a_gaussian() -> None:
    x = torch.randn(20000, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = Moments.of(radial_density(x / math.sqrt(2), 3.0, 6))
    edges = torch.linspace(0, 3, 7, dtype=torch.float64)
    weight = 2 * (torch.exp(-(edges[:-1] ** 2)) - torch.exp(-(edges[1:] ** 2)))
    assert agrees(found.mean, found.error, weight / shell_volumes(3.0, 6, 2))


def test_pair_density_does_not_depend_on_how_the_dot_is_turned_and_counts_all_others() -> None:
    x = torch.randn(5, 4, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=torch.float64)
    found = pair_density(x, 8.0, 10)
    torch.testing.assert_close(found, pair_density(x @ turn, 8.0, 10))
    torch.testing.assert_close(found.sum(1) * 1.6**2, torch.full((5,), 3.0, dtype=torch.float64))


def test_pair_density_of_two_opposite_electrons_lies_on_the_negative_axis() -> None:
    x = torch.tensor([[[0.0, 1.0], [0.0, -1.0]]], dtype=torch.float64)
    found = pair_density(x, 2.0, 5).view(5, 5)
    assert torch.nonzero(found).tolist() == [[1, 2]]
