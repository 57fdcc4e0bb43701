"""Differences of normal densities, which are known, by perfect, by poor and by no maps."""

import math

import pytest
import torch
from judging import agrees, errors, scatters_by
from noise import normal
from torch import nn

from vfe_lightning.bijectors.affine import Affine
from vfe_lightning.estimators.targeted import SampledState, Stage, Works, by_stages, difference
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian

BETA, DIM = 2.0, 3
WIDTHS, MEANS = (1.0, 0.8, 0.5), (0.0, 0.4, 1.0)
EXACT = DIM * math.log(WIDTHS[0] / WIDTHS[2])  # ln of the first Z over the last


class Well(ContinuousHamiltonian):
    def __init__(self, width, mean):
        super().__init__()
        self.width, self.mean = width, mean

    def energy(self, x):
        return 0.5 * ((x - self.mean) / self.width).square().flatten(1).sum(dim=1)

    def gradient(self, x):
        return (x - self.mean) / self.width**2


def state(k, seed, chains=40, kept=25, repeated=1):
    """Chains that hold each sample `repeated` times."""
    x = normal(3 * seed + k, 2 * chains, kept, DIM).repeat_interleave(repeated, dim=1)
    seen, unseen = (MEANS[k] + WIDTHS[k] / math.sqrt(BETA) * x).chunk(2)
    return SampledState(Well(WIDTHS[k], MEANS[k]), BETA, seen, unseen)


def perfect(low, high):
    bijector, ratio = Affine(), WIDTHS[high] / WIDTHS[low]
    with torch.no_grad():
        bijector.log_scale.fill_(math.log(ratio))
        bijector.shift.fill_(MEANS[high] - ratio * MEANS[low])
    return bijector


def two_stages(seed, make=lambda low, high: Affine(), **chains):
    states = [state(k, seed, **chains) for k in range(3)]
    return nn.ModuleList(Stage(states[k], states[k + 1], make(k, k + 1)) for k in range(2))


def works_of(stage: Stage) -> Works:
    forth, back = stage.carried()
    return forth.work, back.work


def test_perfect_maps_have_the_difference_in_every_sample():
    stages = two_stages(0, perfect)
    with torch.no_grad():
        estimate = by_stages(stages, 50, BETA, 1e6)
    free_energy = torch.full((50,), EXACT / BETA, dtype=torch.float64)
    torch.testing.assert_close(estimate.free_energy, free_energy, rtol=0, atol=1e-12)
    assert estimate.entropy.tolist() == pytest.approx([-EXACT] * 50)  # both states have the same energy
    found = difference([works_of(stage) for stage in stages])
    assert found.value == pytest.approx(EXACT) and found.overlap == pytest.approx(1)
    assert found.error < 1e-6


def test_no_maps_bound_from_above_and_their_ratio_is_right():
    """Errors against 100 repetitions, with chains that hold each sample three times."""
    runs = [two_stages(seed, chains=20, kept=10, repeated=3) for seed in range(100)]
    found = [difference([works_of(stage) for stage in stages]) for stages in runs]
    values = torch.tensor([f.value for f in found])
    error = sum(f.error for f in found) / len(found)
    assert agrees(values.mean().item(), error / math.sqrt(len(found)), EXACT)
    assert scatters_by(values, error)
    assert 0.05 < found[0].overlap < 0.9
    with torch.no_grad():
        f = by_stages(runs[0], 400, BETA, 1e6).free_energy
    assert f.mean() - errors(400) * f.std() / math.sqrt(400) > EXACT / BETA


def test_the_gradient_is_that_of_the_works_of_both_directions():
    """And of the capped ones: against automatic differentiation of the energy itself."""
    stages, cap = two_stages(1), 2.0
    estimate = by_stages(stages, 300, BETA, cap, torch.Generator().manual_seed(5))
    factor = estimate.factors[0]
    found = factor.pullback(torch.full((300,), 1 / 300, dtype=torch.float64)).sum(dim=0)
    generator = torch.Generator().manual_seed(5)
    x = [s.drawn(300, generator) for s in (stages[0].lower, stages[0].upper, stages[1].upper)]
    cost = torch.zeros((), dtype=torch.float64)
    for k, stage in enumerate(stages):
        for start, end, by in ((k, k + 1, stage.bijector), (k + 1, k, stage.bijector.inverse)):
            y, log_det = by(x[start])
            u = BETA * Well(WIDTHS[end], MEANS[end]).energy(y)
            assert (u > cap).any() and (u < cap).any()
            cost = cost + (torch.where(u > cap, cap + (1 + u - cap).log(), u) - log_det).mean()
    expected = torch.autograd.grad(cost, list(stages.parameters()))
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-10, atol=1e-10)


def test_what_is_learned_from_is_not_what_judges():
    one = state(0, 0)
    both = [one.seen.flatten(0, 1), one.unseen.flatten(0, 1)]
    drawn = [one.drawn(200, None)]
    with torch.no_grad():
        drawn.append(one.drawn(200, None))
    for k, x in enumerate(drawn):
        assert [(x[:, None] == pool).all(dim=2).any(dim=1).all().item() for pool in both] == [k == 0, k == 1]


def test_sides_that_do_not_meet_say_so():
    far = torch.full((8, 5), 500.0, dtype=torch.float64)
    near = torch.zeros(8, 5, dtype=torch.float64)
    found = difference([(near, near), (far, far)])
    assert found.error > 1e6 and found.overlap < 1e-6
