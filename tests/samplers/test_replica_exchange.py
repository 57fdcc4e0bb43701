"""Replica exchange along a path against densities in closed form."""

import math

import pytest
import torch
from judging import agrees
from noise import normal

from vfe_lightning.samplers.replica_exchange import exchange_rates, new_places, replica_exchange

LAMBDAS = (0.0, 0.1, 0.4, 1.0)


def well(x):
    """Two wells at +-2, by a barrier of 8 kT at lambda = 1, that trajectories do not cross."""
    return (x.square() - 4).square().sum(dim=1) / 2


def slope(x):
    return 2 * (x.square() - 4) * x


def found_along(x, seed=1, sweeps=400):
    return replica_exchange(
        lambda x: 0.1 * x.square().sum(dim=1),
        lambda x: 0.2 * x,
        well,
        slope,
        x,
        LAMBDAS,
        sweeps,
        100,
        leapfrog_steps=5,
        generator=torch.Generator().manual_seed(seed),
    )


def test_both_wells_and_ln_z_are_found_from_one_side_of_a_barrier():
    """By quadrature; all chains begin in one well, which those of lambda = 1 alone would never leave."""
    grid = torch.linspace(-8, 8, 4001, dtype=torch.float64)[:, None]
    start = torch.exp(-0.1 * grid.square()).sum()
    weight = torch.exp(-0.1 * grid.square()[:, 0] - well(grid))
    found = found_along(normal(0, 40, 4, 1).abs() + 1)
    ratio, mean = found.log_z_ratio(), found.difference()
    assert agrees(ratio.mean, ratio.error, (weight.sum() / start).log(), samples=40) and ratio.error < 0.1
    assert (
        agrees(mean.mean, mean.error, (weight @ well(grid)) / weight.sum(), samples=40) and mean.error < 0.05
    )
    right = (found.samples[:, :, 0] > 0).double().mean(dim=0)
    assert agrees(right.mean(), right.std() / math.sqrt(40), 0.5, samples=40) and right.std() < 0.4
    torch.testing.assert_close(found.differences[::20, :, -1].flatten(), well(found.samples.flatten(0, 1)))
    assert found.differences.shape == (400, 40, 4) and found.exchanged.min() > 0.1


def test_what_an_exchange_gains_is_always_taken():
    """The lower D goes to the larger lambda; even sweeps ask the pairs 0-1 and 2-3, odd ones 1-2."""
    lambdas = torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float64)
    falling = torch.tensor([[-3.0, 5.0, -2.0, 7.0]], dtype=torch.float64)
    even, odd = (new_places(lambdas, falling, sweep, None) for sweep in (0, 1))
    assert even.tolist() == [[1, 0, 3, 2]] and odd.tolist() in ([[0, 1, 2, 3]], [[0, 2, 1, 3]])
    steep = torch.tensor([[9.0, 1e3, -1e3, 9.0]], dtype=torch.float64)
    kept, swapped = new_places(lambdas, steep, 1, None), new_places(lambdas, -steep, 1, None)
    assert kept.tolist() == [[0, 1, 2, 3]] and swapped.tolist() == [[0, 2, 1, 3]]
    assert exchange_rates([even, kept]).tolist() == [1.0, 0.0, 1.0]


def test_a_path_goes_upwards():
    with pytest.raises(ValueError, match="begins at 0"):
        replica_exchange(well, slope, well, slope, normal(0, 2, 2, 1), (0.0, 0.0), 1, 1)
