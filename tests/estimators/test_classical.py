"""Gradient estimators of classical spins, summed over all batches that there are: no statistics.

Every ordered batch of B configurations, weighed by its probability, gives the exact mean of an estimator,
to be compared with autograd of the enumerated free energy.
"""

import itertools
import math

import pytest
import torch
from parts import dense
from spins import all_spins, random_couplings, randomize
from torch import Tensor

from vfe_lightning.errors import Refused
from vfe_lightning.estimate import Estimate, Factor
from vfe_lightning.estimators import baselines
from vfe_lightning.estimators.classical import by_score_function, measure_valued, measure_valued_gradients
from vfe_lightning.estimators.gradients import Rows, gradient_and_variance
from vfe_lightning.generative.bernoulli import BernoulliProduct
from vfe_lightning.generative.model import GenerativeModel
from vfe_lightning.generative.symmetrized import Symmetrized
from vfe_lightning.hamiltonians.spins import PairwiseSpins

N, BETA = 3, 0.7
HAMILTONIAN = PairwiseSpins(random_couplings(N, 1))
MODELS = {
    "Bernoulli": lambda: BernoulliProduct(N),
    "MADE": lambda: dense(N, depth=2, width=2),
    "symmetrized MADE": lambda: Symmetrized(dense(N, depth=2, width=2)),
}


def made(name: str) -> GenerativeModel:
    model = MODELS[name]()
    randomize(model)
    return model


def exact_gradient(model: GenerativeModel, beta: float = BETA) -> Tensor:
    """d (beta F) / d parameters by enumeration."""
    x = all_spins(N)
    log_p = model.log_prob(x)
    beta_f = (log_p.exp() * (log_p + beta * HAMILTONIAN.energy(x))).sum()
    return torch.cat([g.flatten() for g in torch.autograd.grad(beta_f, model.parameters())])


def batches(model: GenerativeModel, size: int):
    """All batches with their probabilities."""
    x = all_spins(N)
    with torch.no_grad():
        p = model.log_prob(x).exp()
    for index in itertools.product(range(len(x)), repeat=size):
        yield x[list(index)], math.prod(p[list(index)].tolist())


def factor_of(model: GenerativeModel, x: Tensor, weights: baselines.Baseline, beta_now=None) -> Factor:
    return by_score_function(x, HAMILTONIAN.energy(x), model, BETA, weights, beta_now).factors[0]


def mean_over_batches(model, size, weights, beta_now=None) -> Tensor:
    means = [
        p * gradient_and_variance(factor_of(model, x, weights(), beta_now))[0]
        for x, p in batches(model, size)
    ]
    return torch.stack(means).sum(dim=0)


def started_average() -> baselines.PastAverage:
    """With a past that knows nothing of this batch."""
    average = baselines.PastAverage(0.9)
    average(torch.tensor([-3.0, 1.0, 0.5], dtype=torch.float64))
    return average


BASELINES = {
    "leave one out": lambda: baselines.leave_one_out,
    "VarGrad": lambda: baselines.var_grad,
    "past average": started_average,
    "first step of the past average": lambda: baselines.PastAverage(0.9),
    "none": lambda: lambda cost: cost / len(cost),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("baseline", BASELINES)
def test_score_function_is_unbiased(model, baseline):
    m = made(model)
    torch.testing.assert_close(
        mean_over_batches(m, 2, BASELINES[baseline]), exact_gradient(m), rtol=1e-11, atol=1e-13
    )


def test_score_function_is_unbiased_in_batches_of_three():
    m = made("MADE")
    found = mean_over_batches(m, 3, BASELINES["leave one out"])
    torch.testing.assert_close(found, exact_gradient(m), rtol=1e-11, atol=1e-13)


def test_measure_valued_is_unbiased():
    m = made("Bernoulli")
    total = torch.zeros(N, dtype=torch.float64)
    for x, p in batches(m, 2):
        total += p * gradient_and_variance(measure_valued(x, HAMILTONIAN.energy, m, BETA).factors[0])[0]
    torch.testing.assert_close(total, exact_gradient(m), rtol=1e-11, atol=1e-13)


def test_measure_valued_is_quieter_than_the_score_function():
    m = made("Bernoulli")
    x = m.sample(4000, torch.Generator().manual_seed(0))
    score = factor_of(m, x, baselines.leave_one_out)
    flips = measure_valued(x, HAMILTONIAN.energy, m, BETA).factors[0]
    by_flips = measure_valued_gradients(x, HAMILTONIAN.energy, m, BETA)
    by_score = m.scores(x) * (score.cost - score.cost.mean())[:, None]
    assert flips.scores is None and (by_flips.var(dim=0) < by_score.var(dim=0)).all()


def test_the_plain_batch_mean_is_biased_by_one_over_the_batch():
    m = made("MADE")
    found = mean_over_batches(m, 2, lambda: None)
    torch.testing.assert_close(found, 0.5 * exact_gradient(m), rtol=1e-11, atol=1e-13)


def test_an_average_that_has_seen_the_batch_is_biased():
    """Why the past average is updated after it is used."""
    m = made("MADE")

    def seen() -> baselines.Baseline:
        return lambda cost: (cost - 0.5 * cost.mean()) / len(cost)

    assert (mean_over_batches(m, 2, seen) - exact_gradient(m)).norm() > 0.1 * exact_gradient(m).norm()


def test_annealing_changes_the_gradient_and_nothing_that_is_reported():
    m, warm = made("MADE"), 0.3
    found = mean_over_batches(m, 2, BASELINES["leave one out"], warm)
    torch.testing.assert_close(found, exact_gradient(m, warm), rtol=1e-11, atol=1e-13)
    x = all_spins(N)
    energy = HAMILTONIAN.energy(x)
    cold = by_score_function(x, energy, m, BETA, baselines.leave_one_out)
    annealed = by_score_function(x, energy, m, BETA, baselines.leave_one_out, warm)
    assert cold.log_weights is not None and annealed.log_weights is not None
    torch.testing.assert_close(annealed.free_energy, cold.free_energy)
    torch.testing.assert_close(annealed.log_weights, cold.log_weights)
    torch.testing.assert_close(-cold.log_weights / BETA, cold.free_energy)


def test_free_energy_over_p_is_that_of_the_model():
    m = made("symmetrized MADE")
    x = all_spins(N)
    e = by_score_function(x, HAMILTONIAN.energy(x), m, BETA, baselines.leave_one_out)
    p = m.log_prob(x).detach().exp()
    exact = -torch.logsumexp(-BETA * HAMILTONIAN.energy(x), 0) / BETA
    assert p @ e.free_energy > exact
    weights = (e.log_weights.exp() * p).sum()  # E_p[w] = Z for any p
    assert -(weights.log() / BETA).item() == pytest.approx(exact.item(), abs=1e-12)


@pytest.mark.parametrize("baseline", ["leave one out", "VarGrad", "past average"])
def test_pullback_is_the_matrix_of_scores(baseline):
    """One backward pass and the scores give the same gradient, over one pass or two."""
    m = made("symmetrized MADE")
    x = m.sample(12, torch.Generator().manual_seed(0))
    whole = factor_of(m, x, BASELINES[baseline]())
    by_rows = Factor("p", m, whole.scores, whole.cost, weights=BASELINES[baseline]())
    weights = BASELINES[baseline]()(whole.cost)
    gradient, variance = gradient_and_variance(whole)
    torch.testing.assert_close(gradient, m.scores(x).mT @ weights)
    if baseline != "past average":  # the rows are centred, which takes any constant baseline off
        torch.testing.assert_close(Rows.of(by_rows).gradient(), gradient)
    halves = Factor.concatenate([factor_of(m, part, BASELINES[baseline]()) for part in x.chunk(2)])
    torch.testing.assert_close(gradient_and_variance(halves)[0], gradient)
    assert variance > 0


def test_the_variance_of_the_gradient_is_what_repetition_shows():
    m = made("MADE")
    g = torch.Generator().manual_seed(0)
    drawn = m.sample(1500 * 64, g).split(64)
    pairs = [gradient_and_variance(factor_of(m, x, baselines.leave_one_out)) for x in drawn]
    spread = torch.stack([a for a, _ in pairs]).var(dim=0).sum()
    stated = torch.stack([v for _, v in pairs])
    assert stated.mean().item() == pytest.approx(spread.item(), rel=0.25)  # each to 3 %


def test_var_grad_is_the_derivative_of_half_the_variance():
    m = made("MADE")
    x = m.sample(10, torch.Generator().manual_seed(0))
    loss = (m.log_prob(x) + BETA * HAMILTONIAN.energy(x)).var() / 2
    expected = torch.cat([g.flatten() for g in torch.autograd.grad(loss, m.parameters())])
    gradient, _ = gradient_and_variance(factor_of(m, x, baselines.var_grad))
    torch.testing.assert_close(gradient, expected)


def test_natural_gradient_refuses_a_gradient_without_scores():
    m = made("Bernoulli")
    factor = measure_valued(m.sample(4), HAMILTONIAN.energy, m, BETA).factors[0]
    with pytest.raises(Refused, match="adam"):
        Rows.of(factor)


def test_passes_join_to_one_estimate():
    m = made("MADE")
    x = m.sample(8, torch.Generator().manual_seed(0))

    def estimate(part: Tensor) -> Estimate:
        return by_score_function(part, HAMILTONIAN.energy(part), m, BETA, baselines.leave_one_out)

    joined = Estimate.concatenate([estimate(part) for part in x.chunk(2)])
    whole = estimate(x)
    torch.testing.assert_close(joined.free_energy, whole.free_energy)
    torch.testing.assert_close(joined.log_weights, whole.log_weights)
    torch.testing.assert_close(joined.factors[0].scores(), whole.factors[0].scores())
