"""Differences of two states from both sides, and weights of named particles, against closed forms."""

import math

import pytest
import torch
from judging import agrees, scatters_by
from noise import normal

from vfe_lightning import declarations
from vfe_lightning.bijectors.affine import Affine
from vfe_lightning.estimators.bennett import acceptance_ratio
from vfe_lightning.estimators.two_states import apart, difference, whole
from vfe_lightning.generative.reparameterized import NormalizingFlow
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian
from vfe_lightning.hamiltonians.relabelling import Relabelling
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.boltzmann_coverage import Judged, advice_on, coverage_of


class Oscillator(ContinuousHamiltonian):
    def energy(self, x):
        return 0.5 * x.square().flatten(1).sum(dim=1)

    def gradient(self, x):
        return x


@pytest.mark.parametrize("steps", [1, 8])
def test_two_parts_of_a_normal_density(steps):
    """x > 1 against x < 1 at beta = 2, with data that have as many of both, as chains would give."""
    beta, n = 2.0, 20000 if steps == 1 else 2000
    judged = Judged(beta, Oscillator(), NormalizingFlow(Affine((1,), 0.9), (1,)), steps=steps)
    x = normal(0, n, 1) / math.sqrt(beta)
    above = x[x[:, 0] > 1]
    data = torch.cat([above, x[x[:, 0] < 1][: len(above)]])
    high, low = judged.ratios(lambda x: x[:, 0] > 1, data)
    share = 0.5 * math.erfc(math.sqrt(beta) / math.sqrt(2))
    ratio, error = difference(high, low, judged.count(data))
    assert agrees(ratio, error, -math.log(share / (1 - share))) and error < 0.25
    (both,) = judged.ratios(None, x)
    log_z = 0.5 * math.log(2 * math.pi / beta)
    assert agrees(both.log_z, both.error, log_z) and both.error < 0.05
    assert 0.5 < both.overlap <= 1
    value, error = whole(high, low, judged.count(data))
    assert agrees(value, error, -log_z) and error < 0.05


def test_a_share_of_the_gibbs_state_is_a_free_energy():
    """Two normal densities of the weights 1 : 3, and the error by the spread of repetitions."""
    x = (
        torch.rand(400, 500, generator=torch.Generator().manual_seed(0), dtype=torch.float64) < 0.25
    ).double()
    found = apart(Moments.of(x[0]), 2.0)
    assert agrees(found.mean, found.error, math.log(3) / 2)
    again = torch.stack([apart(Moments.of(row), 2.0).mean for row in x])
    assert scatters_by(again, found.error.item() * 1.0)


def test_two_parts_of_the_flow_itself_are_known_without_error():
    """w = 1 everywhere: Z is 1 whatever part of the samples lies in a state, and the covariance is exact."""
    n, inside = 1000, 300
    data = torch.zeros(500, dtype=torch.float64)
    part = torch.full((n,), -torch.inf, dtype=torch.float64)
    first, other = part.clone(), part.clone()
    first[:inside], other[inside:] = 0.0, 0.0
    value, error = whole(acceptance_ratio(first, data), acceptance_ratio(other, data), n)
    assert abs(value) < 1e-9 and error < 1e-6


class Blind(NormalizingFlow):
    """Knows its density at x > 0 only."""

    def known(self, x):
        return self.log_prob(x).masked_fill(x[:, 0] < 0, torch.nan)


def test_where_ln_p_is_not_known_there_is_no_density():
    """Samples and data there count for nothing: Z of all data is whole, that of the known ones is half."""
    judged = Judged(1.0, Oscillator(), Blind(Affine((1,), 1.1), (1,)))
    x = normal(0, 4000, 1)
    assert judged.log_weights(x).isnan().tolist() == (x[:, 0] < 0).tolist()
    log_z = 0.5 * math.log(2 * math.pi)
    for data, exact in ((x, log_z), (x[x[:, 0] > 0], log_z - math.log(2))):
        (found,) = judged.ratios(None, data)
        assert agrees(found.log_z, found.error, exact) and found.error < 0.05
    one = {"importance_free_energy": Moments.exactly(-0.5 * math.log(2 * math.pi))}
    known = coverage_of(judged, x, one)
    share = (x[:, 0] < 0).double().mean()
    assert known["uncovered_data"].mean == share and known["forward_effective_sample_size"].mean == 0


def test_weights_of_named_particles_count_all_labellings():
    """Three free particles on a line, and a flow that knows one order of them only."""
    sites = torch.tensor([[-1.0], [0.0], [1.0]], dtype=torch.float64)
    relabelling, model = Relabelling(sites, (3,)), NormalizingFlow(Affine((3, 1)), (3, 1))
    with torch.no_grad():
        model.bijector.shift.copy_(sites)
    x = sites + normal(1, 100000, 3, 1)
    w = Judged(1.0, Oscillator(), model, relabelling).log_weights(x).exp()
    error = (w.std() / math.sqrt(len(w))).item()
    assert 0.2 < (w > 0).double().mean() < 0.95
    assert agrees(w.mean().item(), error, (2 * math.pi) ** 1.5) and error < 0.12
    data = relabelling.representative(normal(2, 300, 3, 1))
    (found,) = Judged(1.0, Oscillator(), model, relabelling, steps=10).ratios(None, data)
    assert agrees(found.log_z, found.error, 1.5 * math.log(2 * math.pi)) and found.error < 0.25


def test_the_dimer_in_a_solvent_is_learned_by_sites():
    tiny = {"flow": {"layers": 2, "width": 8}, "samples": {"chains": 12, "trajectories": 10, "kept": 3}}
    physics = declarations.Dimer(solvent=4, **tiny).build().physics
    data = physics.estimator.keywords["training"].data
    assert data.shape == (12 * 3 * 4 // 2, 6, 2)  # chains, samples, reflections; half of them
    assert (physics.estimator.keywords["log_images"](data) > 0).all()
    assert 0 < physics.observables["first_state"](data).mean() < 1
    z, _ = physics.model.bijector.inverse(data)
    assert z.mean().abs() < 0.2 and abs(z.std() - 1) < 0.3


def test_advice_depends_on_what_was_declared():
    assert advice_on(0.012, 500, 1.0) is None and advice_on(0.03, 100, 0.0) is None  # tails, and chance
    without, with_data = (advice_on(0.4, 500, weight) for weight in (0.0, 1.0))
    assert "40%" in without and "--data_weight 1" in without
    assert "--data_weight" not in with_data and "--trainer.max_steps" in with_data
