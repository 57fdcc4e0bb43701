"""Couplings from correlations: the gradient of the likelihood, and what a short training recovers."""

import pytest
import torch
from judging import errors
from spins import all_spins
from stepping import evaluate, prepared, train

from vfe_lightning import declarations
from vfe_lightning.estimators.gradients import gradient_and_variance
from vfe_lightning.exact import enumeration
from vfe_lightning.hamiltonians.spins import PairwiseSpins


def declared(**changes) -> declarations.InverseIsing:
    return declarations.InverseIsing(**{"n": 6, "beta": 1.0, "symmetrize": False} | changes)


def test_gradient_of_the_couplings_is_that_of_the_likelihood():
    """Samples that are all configurations, weighed by importance, are the exact Gibbs state of J."""
    system = prepared(declared())
    with torch.no_grad():
        system.couplings.upper.copy_(0.3 * torch.randn(15, generator=torch.Generator().manual_seed(0)))
    for p in system.model.parameters():
        p.data.zero_()  # p(s) = 2^-n, so that each configuration once is an exact sample
    system.model.sample = lambda n, generator: all_spins(6)
    factor = next(f for f in system.estimate(64).factors if f.name == "couplings")
    gradient, _ = gradient_and_variance(factor)
    beta, J = system.declaration.beta, system.couplings.matrix().detach()
    i, j = system.couplings.pairs
    model = enumeration.correlations(PairwiseSpins(J).energy, 6, beta)
    torch.testing.assert_close(gradient, beta * (model - system.data)[i, j], rtol=1e-10, atol=1e-12)


def test_no_gradient_at_the_true_couplings():
    system = prepared(declared())
    i, j = system.couplings.pairs
    with torch.no_grad():
        system.couplings.upper.copy_(system.true[i, j])
        for p in system.model.parameters():
            p.zero_()
    system.model.sample = lambda n, generator: all_spins(6)
    factor = next(f for f in system.estimate(64).factors if f.name == "couplings")
    gradient, _ = gradient_and_variance(factor)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-12)


def test_training_beats_the_closed_forms():
    system = prepared(declared(), declarations.Adam(learning_rate=0.03, decay=100), batch=400)
    found = evaluate(train(system, 400), 2)
    error = found["error_of_J"][0]
    others = [found[f"error_of_J_{m}"][0] for m in ("naive_mean_field", "independent_pair")]
    assert error < 0.8 * min(others)
    assert system.figures()["couplings"].axes


def test_measured_correlations_come_close_to_exact_ones():
    exact, noisy = prepared(declared()).data, prepared(declared(data_samples=20_000)).data
    assert 0 < (exact - noisy).abs().max() < errors(comparisons=15) * 20_000**-0.5
    with pytest.raises(ValueError, match="data_samples = 1"):
        prepared(declared(data_samples=1))
