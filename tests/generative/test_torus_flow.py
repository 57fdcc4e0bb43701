"""p(S) of generated positions: its start, ln p where it was generated, and scores at fixed S."""

import math

import pytest
import torch
from finite_differences import columns, slope
from judging import agrees
from noise import stirred

from vfe_lightning.bijectors.pair_layers import PairLayers
from vfe_lightning.calculus.gradient import gradient
from vfe_lightning.generative.torus_flow import Independent, Start, TorusFlow
from vfe_lightning.wavefunctions.fermion_positions import FermionPositions

STARTS = {"independent": Independent, "fermions": lambda n: FermionPositions(n, 0.2)}
starts = pytest.mark.parametrize("start", STARTS)


def flow(start: str, n: int, messages: int = 2) -> TorusFlow:
    layers = PairLayers(n, 3, 6, messages, torch.Generator().manual_seed(0))
    stirred(layers, 0.1)
    return TorusFlow(STARTS[start](n), layers)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


@starts
def test_two_particles_are_normalised(start):
    """Periodic and band-limited: midpoints are exact."""
    made: Start = STARTS[start](2)
    axis = (torch.arange(12, dtype=torch.float64) + 0.5) / 12
    r = torch.cartesian_prod(axis, axis, axis)
    p = made.log_prob(torch.stack([torch.zeros_like(r), r], dim=1)).exp()
    assert p.mean().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("n", [2, 5, 9])
def test_fermions_lie_as_their_density_says(n):
    """E_p0[f min(1 / p_0, most)] is that of f min(1, most p_0) over independent particles, both bounded."""
    made, most = FermionPositions(n, 0.3), 20.0
    z = made.sample(6000, generator())
    uniform = torch.rand(20000, n, 3, generator=generator(), dtype=torch.float64)
    share, log_p = (most * made.log_prob(uniform).exp()).clamp(max=1), made.log_prob(z)
    for f in (lambda x: x.new_ones(len(x)), lambda x: (2 * math.pi * (x[:, 0, 0] - x[:, 1, 0])).cos()):
        found, expected = f(z) * (-log_p).exp().clamp(max=most), f(uniform) * share
        error = (found.var() / len(z) + expected.var() / len(uniform)).sqrt()
        assert agrees(found.mean(), error, expected.mean())
    assert log_p.mean() > log_p.std() / math.sqrt(len(z))  # S is below that of independent particles


def test_cold_fermions_fill_the_lowest_shells():
    """Seven in the first two shells, of which one determinant is left."""
    cold = FermionPositions(7, 0.02)
    z = torch.rand(4, 7, 3, generator=generator(), dtype=torch.float64)
    k = 2 * math.pi * torch.cat([torch.zeros(1, 3), torch.eye(3), -torch.eye(3)]).double()
    phase = z @ k.mT
    waves = torch.polar(torch.ones_like(phase), phase)
    expected = 2 * torch.linalg.slogdet(waves)[1] - math.lgamma(8)
    # of densities: a determinant rounds by its largest terms, and its logarithm by more where it is small
    torch.testing.assert_close(cold.log_prob(z).exp(), expected.exp(), rtol=1e-8, atol=1e-8)


@starts
def test_ln_p_where_it_was_generated_is_that_by_the_inverse(start):
    made = flow(start, 4)
    z = made.start.sample(3, generator())
    x, log_prob = made.carried(z)
    torch.testing.assert_close(made.log_prob(x.detach()), log_prob, rtol=0, atol=1e-10)
    torch.testing.assert_close(made.gradient(z), gradient(made.log_prob, x.detach()), rtol=1e-9, atol=1e-9)
    again, other = made.rsample(3, generator())
    assert torch.equal(again, x) and torch.equal(other, log_prob)


@starts
@pytest.mark.parametrize("messages", [0, 2])
def test_scores_are_differences_of_ln_p_at_fixed_positions(start, messages):
    made = flow(start, 3, messages)
    z = made.start.sample(2, generator())
    with torch.no_grad():
        x, _ = made.carried(z)
        scores = made.scores(z)
        for p, first in columns(made):
            for at in range(0, p.numel(), 8):
                for one in range(len(z)):

                    def value(one: int = one) -> float:
                        return made.log_prob(x[one : one + 1]).item()

                    found = slope(value, p, at, 1e-5)
                    assert scores[one, first + at].item() == pytest.approx(found, rel=1e-5, abs=1e-7)


@starts
def test_scores_have_the_mean_zero(start):
    made = flow(start, 3)
    scores = made.scores(made.start.sample(2000, generator()))
    assert agrees(scores.mean(dim=0), scores.std(dim=0) / math.sqrt(2000) + 1e-12, 0.0, samples=2000)
