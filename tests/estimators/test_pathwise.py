"""Gradients through the samples against closed forms: an oscillator and a Gaussian, and a quartic well."""

import math

import pytest
import torch
from judging import agrees

from vfe_lightning.bijectors.affine import Affine
from vfe_lightning.bijectors.bijector import Composed
from vfe_lightning.calculus.gradient import gradient
from vfe_lightning.estimate import Factor
from vfe_lightning.estimators.gradients import gradient_and_variance
from vfe_lightning.estimators.pathwise import by_path, shares
from vfe_lightning.generative.reparameterized import NormalizingFlow, log_normal

BETA, WIDTH, SHIFT = 0.7, 1.3, 0.4


def oscillator(x):
    return 0.5 * x.square().sum(dim=1)


def quartic(x):
    return x.pow(4).sum(dim=1)


def gaussian(width=WIDTH, shift=SHIFT):
    affine = Affine((2,), width)
    affine.shift.data.fill_(shift)
    return NormalizingFlow(affine, (2,))


def of(model, energy, n=20_000, seed=0, **options) -> Factor:
    return by_path(model, energy, n, BETA, torch.Generator().manual_seed(seed), **options)[1].factors[0]


def moments(width, shift):
    """d (beta F) / d (log_scale, shift) of one coordinate: of the oscillator, and of <x^4>."""
    exact_2 = (BETA * width**2 - 1, BETA * shift)
    exact_4 = (
        BETA * (12 * width**2 * shift**2 + 12 * width**4) - 1,
        BETA * (4 * shift**3 + 12 * shift * width**2),
    )
    return exact_2, exact_4


@pytest.mark.parametrize("path_only", [False, True])
@pytest.mark.parametrize("power", [2, 4])
def test_both_estimators_have_the_gradient_of_the_closed_form(path_only, power):
    by_scale, by_shift = moments(WIDTH, SHIFT)[power // 2 - 1]
    exact = torch.tensor([by_scale, by_scale, by_shift, by_shift], dtype=torch.float64)
    energy = oscillator if power == 2 else quartic
    several = [
        gradient_and_variance(of(gaussian(), energy, 4000, seed, path_only=path_only))[0]
        for seed in range(100)
    ]
    found = torch.stack(several)
    error = found.std(dim=0) / len(found) ** 0.5
    assert agrees(found.mean(dim=0), error, exact, samples=len(found))
    assert (error < 0.03 * exact.abs()).all()


def test_the_path_only_gradient_has_no_noise_at_the_optimum():
    """The other one keeps the noise of the score."""
    exact = gaussian(BETA**-0.5, 0.0)
    quiet, noisy = (gradient_and_variance(of(exact, oscillator, 100, path_only=p))[0] for p in (True, False))
    assert quiet.abs().max() < 1e-12 < 1e-3 < noisy.abs().max()


def test_the_estimate_is_that_of_the_closed_form():
    x, estimate = by_path(gaussian(BETA**-0.5, 0.0), oscillator, 50, BETA, torch.Generator().manual_seed(0))
    assert not x.requires_grad and x.shape == (50, 2)
    exact = -math.log(2 * math.pi / BETA) / BETA
    torch.testing.assert_close(estimate.free_energy, torch.full_like(estimate.free_energy, exact))
    torch.testing.assert_close(estimate.log_weights, -BETA * estimate.free_energy)
    torch.testing.assert_close(estimate.free_energy, estimate.energy - estimate.entropy / BETA)


def test_passes_join_to_one_gradient():
    g, model = torch.Generator().manual_seed(0), gaussian()
    parts = [by_path(model, quartic, 10, BETA, g)[1].factors[0] for _ in range(2)]
    joined = gradient_and_variance(Factor.concatenate(parts))[0]
    alone = torch.stack([gradient_and_variance(p)[0] for p in parts]).mean(dim=0)
    torch.testing.assert_close(joined, alone)


def test_a_warmer_gradient_changes_nothing_that_is_reported():
    g = [torch.Generator().manual_seed(0) for _ in range(2)]
    (_, cold), (_, warm) = (
        by_path(gaussian(), oscillator, 9, BETA, g[i], beta_now=b) for i, b in enumerate((None, 0.1))
    )
    torch.testing.assert_close(cold.free_energy, warm.free_energy)
    stretch = [gradient_and_variance(e.factors[0])[0][:2] for e in (cold, warm)]
    assert (stretch[0] > stretch[1]).all()


def test_a_batch_is_shared_by_the_groups():
    assert shares(9) == [9] and shares(2001) == [1001, 1000]


def test_composed_flows_are_normalised_and_invert():
    inner, outer = Affine((3,), 0.5), Affine((), 2.0, shift=None)
    inner.shift.data.uniform_(generator=torch.Generator().manual_seed(0))
    flow = NormalizingFlow(Composed([inner, outer]), (3,))
    x, log_prob = flow.rsample(7, torch.Generator().manual_seed(1))
    torch.testing.assert_close(flow.log_prob(x), log_prob)
    torch.testing.assert_close(log_prob, log_normal(x - 2 * inner.shift))  # 0.5 times 2 is one
    torch.testing.assert_close(gradient(quartic, x.detach()), 4 * x.detach() ** 3)
