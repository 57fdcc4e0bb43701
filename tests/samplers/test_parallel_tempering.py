"""Parallel tempering of a small glass against all of its configurations."""

import math

import pytest
import torch
from judging import agrees
from noise import normal
from spins import all_spins, random_couplings

from vfe_lightning.hamiltonians.spins import PairwiseSpins
from vfe_lightning.samplers.parallel_tempering import parallel_tempering

BETAS = (0.0, 0.4, 0.8, 1.5)


def test_ln_z_and_the_energy_are_those_of_all_configurations():
    h = PairwiseSpins(random_couplings(6), normal(3, 6))
    found = parallel_tempering(h, BETAS, 40, 100, 20, torch.Generator().manual_seed(1))
    energies = h.energy(all_spins(6))
    log_z = (-BETAS[-1] * energies).logsumexp(0) - 6 * math.log(2)
    energy = (-BETAS[-1] * energies).softmax(0) @ energies
    ratio, mean = found.log_z_ratio(), found.difference()
    assert agrees(ratio.mean, ratio.error, log_z, samples=40) and ratio.error < 0.1
    assert agrees(mean.mean, mean.error, energy, samples=40) and mean.error < 0.2
    assert 0.1 < found.exchanged.min() and found.exchanged.max() <= 1.01
    assert found.samples.shape == (5, 40, 6)
    torch.testing.assert_close(
        found.differences[::20, :, -1], h.energy(found.samples.flatten(0, 1)).view(5, 40)
    )


def test_temperatures_start_where_everything_is_known():
    with pytest.raises(ValueError, match="begins at 0"):
        parallel_tempering(PairwiseSpins(random_couplings(3)), (0.5, 1.0), 2, 2, 0)
