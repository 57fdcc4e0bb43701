"""Importance sampling of the free energy: exact where it can be, and with honest errors."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import agrees, errors, scatters_by
from noise import normal

from vfe_lightning.estimate import Estimate
from vfe_lightning.evaluation import Evaluation
from vfe_lightning.reporting import Reporting
from vfe_lightning.statistics import Importance

P = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
BOLTZMANN = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)  # Z = 3.5


def sampled(count: int, seed: int) -> Importance:
    index = torch.multinomial(P, count, replacement=True, generator=torch.Generator().manual_seed(seed))
    return Importance((BOLTZMANN / P).log()[index])


def test_weights_of_the_exact_state_have_no_spread():
    exact = Importance(torch.full((10,), 2.5, dtype=torch.float64))
    f = exact.free_energy(0.5)
    assert f.mean.item() == pytest.approx(-1.25) and f.error.item() == 0
    assert exact.effective_sample_size.mean.item() == 1


def test_every_state_once_by_its_probability_gives_the_partition_function():
    counts = (10 * P).round().long()
    importance = Importance((BOLTZMANN / P).log().repeat_interleave(counts))
    assert importance.free_energy(2.0).mean.item() == pytest.approx(-2 * math.log(3.5))
    effective = 3.5**2 / (BOLTZMANN.square() / P).sum().item()
    assert importance.effective_sample_size.mean.item() == pytest.approx(effective)


def test_errors_are_those_of_repetition():
    estimates = [sampled(2000, seed).free_energy(1.0) for seed in range(400)]
    z = torch.stack([(e.mean + math.log(3.5)) / e.error for e in estimates])
    assert agrees(z.mean(), 1 / 20, 0.0) and scatters_by(z, 1.0)


def test_entropy_and_heat_capacity_of_the_gibbs_state():
    """S = ln Z + <beta E> and C = Var(beta E), within errors that are those of repetition."""
    action, gibbs = -BOLTZMANN.log(), BOLTZMANN / BOLTZMANN.sum()
    entropy = -(gibbs * gibbs.log()).sum()
    heat_capacity = gibbs @ (action - gibbs @ action).square()
    generator = torch.Generator().manual_seed(3)
    away = []
    for _ in range(400):
        index = torch.multinomial(P, 4000, replacement=True, generator=generator)
        importance = Importance((BOLTZMANN / P).log()[index])
        s, c = importance.entropy(action[index]), importance.variance(action[index])
        away.append(torch.stack([(s.mean - entropy) / s.error, (c.mean - heat_capacity) / c.error]))
    z = torch.stack(away)
    # ratios of means are off by some 1 / samples, a sixtieth of an error here
    assert (z.mean(dim=0).abs() < 1 / 60 + errors() / 20).all()
    assert all(scatters_by(column, 1.0) for column in z.mT)


def test_errors_of_few_samples():
    """Usual ones of equal weights; of others that of sum_k w_k x_k, no smaller and hardly larger."""
    x, alike = normal(1, 8), Importance(torch.zeros(8, dtype=torch.float64))
    assert alike.mean(x).error.item() == pytest.approx((x.std() / math.sqrt(8)).item(), rel=1e-12)
    assert alike.entropy(x).error.item() == pytest.approx((x.std() / math.sqrt(8)).item(), rel=1e-12)
    log_weights = 0.7 * normal(3, 8)
    found = Importance(log_weights).mean(normal(2, 8, 40000))
    exact = log_weights.softmax(0).norm()
    assert agrees(found.mean.square().mean().sqrt(), exact / math.sqrt(80000), exact)
    assert exact < found.error.square().mean().sqrt() < 1.1 * exact
    alone = Importance(torch.tensor([0.0, -1e4, -1e4], dtype=torch.float64)).mean(x[:3])
    assert alone.mean == x[0] and alone.error == 0  # nothing is known of it


def test_numbers_say_their_units_and_what_they_are_of():
    reporting = Reporting(2, 0.5, 3.0, "Ry", "electron", {"radius": ("a_0", "electron")})
    x = torch.arange(4.0).double()
    evaluation = Evaluation(reporting)
    evaluation.add(
        Estimate(
            x, x, x, energies={"kinetic": x}, observables={"radius": x, "sign": x, "heat_capacity": x},
            log_weights=-2 * x, reweighted={"radius": lambda: x},
        )
    )  # fmt: skip
    found = evaluation.merged() | evaluation.in_the_gibbs_state()
    units = {name: (m.units, m.per) for name, m in found.items()}
    energy, entropy = ("Ry", "electron"), ("k_B", "electron")
    assert {units[n] for n in ("free_energy", "energy", "kinetic")} == {energy}
    assert units["importance_free_energy"] == units["reweighted_energy"] == energy
    assert {units[n] for n in ("entropy", "heat_capacity", "reweighted_entropy")} == {entropy}
    assert units["reweighted_heat_capacity"] == entropy
    assert units["radius"] == units["reweighted_radius"] == ("a_0", "electron")
    assert units["sign"] == units["effective_sample_size"] == ("", "")
    assert found["kinetic"].mean == 1.5 * 3.0 / 2  # per electron, in Ry
    weights = (-2 * x).softmax(0)
    torch.testing.assert_close(found["reweighted_energy"].mean, weights @ x * 1.5)


@given(shift=st.floats(-1e4, 1e4))
@settings(max_examples=20, deadline=None)
def test_weights_beyond_what_exp_can_hold(shift):
    a, b = sampled(100, 0), Importance(sampled(100, 0).log_weights + shift)
    assert b.free_energy(1.0).mean.item() == pytest.approx(a.free_energy(1.0).mean.item() - shift, abs=1e-8)
    assert b.free_energy(1.0).error.item() == pytest.approx(a.free_energy(1.0).error.item(), rel=1e-8)
    assert b.effective_sample_size.mean.item() == pytest.approx(a.effective_sample_size.mean.item(), rel=1e-8)


def test_batches_are_joined_before_the_logarithm():
    """The mean of the logarithms would be too high."""
    whole, evaluation = sampled(90, 1), Evaluation(Reporting())
    for part in whole.log_weights.chunk(3):
        nothing = torch.zeros_like(part)
        evaluation.add(Estimate(nothing, nothing, nothing, log_weights=part))
    joined = evaluation.importance()
    assert joined is not None
    torch.testing.assert_close(joined.free_energy(1.0).mean, whole.free_energy(1.0).mean)


def test_no_weights_no_importance():
    nothing = torch.zeros(3)
    evaluation = Evaluation(Reporting())
    evaluation.add(Estimate(nothing, nothing, nothing))
    assert evaluation.importance() is None
