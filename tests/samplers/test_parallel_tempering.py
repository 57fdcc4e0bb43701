"""Parallel tempering of a small glass against all of its configurations."""

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
    log_z = (-BETAS[-1] * energies).logsumexp(0)
    energy = (-BETAS[-1] * energies).softmax(0) @ energies
    assert agrees(found.log_z().mean, found.log_z().error, log_z, samples=40)
    assert agrees(found.energy().mean, found.energy().error, energy, samples=40)
    assert found.log_z().error < 0.1 and found.energy().error < 0.2
    assert 0.1 < found.exchanged.min() and found.exchanged.max() <= 1.01
    torch.testing.assert_close(found.energies[-1].flatten(), h.energy(found.x.flatten(0, 1)))


def test_temperatures_start_where_everything_is_known():
    with pytest.raises(ValueError, match="from beta = 0"):
        parallel_tempering(PairwiseSpins(random_couplings(3)), (0.5, 1.0), 2, 2, 0)
