"""Gibbs weights of a table of energies."""

import pytest
import torch
from judging import follows

from vfe_lightning.errors import NotFinite
from vfe_lightning.generative.peierls import NEGLIGIBLE, PeierlsWeights
from vfe_lightning.hamiltonians.pauli import all_spins, numbers

ENERGY = torch.randn(16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def followed(beta: float) -> PeierlsWeights:
    model = PeierlsWeights(4)
    model.follow(ENERGY, beta)
    return model


def test_free_energy_of_every_sample_is_peierls_bound():
    s = followed(1.3).sample(50, torch.Generator().manual_seed(1))
    cost = followed(1.3).log_prob(s) / 1.3 + ENERGY[numbers(s)]
    torch.testing.assert_close(cost, (-(-1.3 * ENERGY).logsumexp(0) / 1.3).expand(50))


def test_samples_are_as_frequent_as_they_are_probable():
    model, n = followed(1.0), 20000
    counts = numbers(model.sample(n, torch.Generator().manual_seed(1))).bincount(minlength=16).double()
    assert follows(counts, n * model.log_prob(all_spins(4)).exp())


def test_energies_that_are_no_numbers_are_refused():
    with pytest.raises(NotFinite, match="not finite"):
        PeierlsWeights(4).follow(ENERGY * torch.nan, 1.0)


def test_likely_states_are_the_fewest_that_leave_out_a_negligible_part():
    model = PeierlsWeights(4)
    model.follow(torch.arange(16, dtype=torch.float64)[ENERGY.argsort()], 1.0)
    weights, p = model.likely_weights(), model.log_prob(all_spins(4)).exp()
    likely = weights > 0
    assert 1 < likely.sum() < 16
    torch.testing.assert_close(weights[likely], p[likely], rtol=1e-14, atol=0)
    assert 1 - weights.sum() <= NEGLIGIBLE < 1 - weights.sum() + p[likely].min()
    assert p[likely].min() > p[~likely].max()
