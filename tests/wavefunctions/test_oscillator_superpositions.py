"""Superpositions of Fock-Darwin determinants against their own sampler and exact energies."""

import math

import pytest
import torch
from judging import agrees

from vfe_lightning.exact.trap_diagonalization import diagonalize_trap
from vfe_lightning.statistics import Moments
from vfe_lightning.wavefunctions.trap_configuration_interaction import TrapConfigurationInteraction

MIXED = TrapConfigurationInteraction(2, 1, 2.0, 1.0, 3)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_states_are_orthonormal_with_distinct_angular_momenta() -> None:
    c, m = MIXED.coefficients(), MIXED.angular_momenta
    for total in m.unique():
        mine = c[m == total]
        torch.testing.assert_close(mine @ mine.T, torch.eye(len(mine), dtype=torch.float64))
    assert torch.equal(MIXED(torch.arange(len(m))[:, None]).momentum[:, 0], m.double())


def test_without_a_stretch_the_levels_are_those_of_the_determinants() -> None:
    free = TrapConfigurationInteraction(3, 0, 0.0, 1.0, 4)
    assert free.scale < 1.001
    assert abs(free.free_energy - diagonalize_trap(3, 0, 0.0, 1.0, 5 + 4).free_energy) < 1e-4


def test_samples_have_the_density_of_the_state() -> None:
    """1/2 sum |r - R|^2 of 3000 samples of a state."""
    for place in (0, 7):
        states = MIXED(torch.full((3000, 1), place))
        z = states.sample(generator(3))
        found = Moments.of(0.5 * (z - z.mean(1, keepdim=True)).square().sum((1, 2)))
        assert agrees(found.mean, found.error, float(MIXED.trap(torch.tensor([[place]]))))


def test_a_ground_state_keeps_its_large_coefficients_alone() -> None:
    ground = TrapConfigurationInteraction(4, 0, 4.0, math.inf, 4, 2)
    c = ground.coefficients()
    assert len(c) == 1 and float(c.abs().min()) > 3e-3
    assert abs(float(c.square().sum()) - 1) < 1e-12
    assert float(c.abs().sum()) ** 2 < 8  # proposals a sample
    exact = 19.35608  # configuration interaction with a large cutoff
    assert exact < ground.free_energy < 19.6


@pytest.mark.parametrize("ground", [True, False])
def test_scores_of_the_coefficients_equal_differences(ground: bool) -> None:
    """Away from where they start, for the lowest state of an angular momentum and for others."""
    made = TrapConfigurationInteraction(2, 1, 2.0, math.inf if ground else 1.0, 2, 0 if ground else None)
    with torch.no_grad():
        made.lowest += 0.1 * torch.randn(made.lowest.shape, generator=generator(4), dtype=torch.float64)
        made.lowest *= made._real  # terms that are not there stay out
    state = torch.zeros(4, 1, dtype=torch.long) if ground else torch.tensor([[0], [1], [9], [10]])
    z = made(state).sample(generator(5))
    scores = made.scores(made(state), z)
    for k, there in enumerate(made._real.flatten().tolist()):
        if not there:
            assert not scores[:, k].any()
            continue
        values = []
        for step in (1e-5, -2e-5):
            with torch.no_grad():
                made.lowest.view(-1)[k] += step
            values.append(made(state).log_psi(z))
        with torch.no_grad():
            made.lowest.view(-1)[k] += 1e-5
        torch.testing.assert_close((values[0] - values[1]) / 2e-5, scores[:, k], rtol=1e-6, atol=1e-7)


def test_turned_states_stay_orthonormal() -> None:
    made = TrapConfigurationInteraction(3, 0, 2.0, 1.0, 3)
    with torch.no_grad():
        made.lowest += 0.3 * torch.randn(made.lowest.shape, generator=generator(6), dtype=torch.float64)
        made.lowest *= made._real
    c, m = made.coefficients(), made.angular_momenta
    for total in m.unique():
        mine = c[m == total]
        torch.testing.assert_close(mine @ mine.T, torch.eye(len(mine), dtype=torch.float64))
