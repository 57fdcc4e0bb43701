"""p(K|S) against the sums over all K, at each S."""

import itertools

import pytest
import torch
from judging import follows
from noise import normal, stirred
from torch import Tensor

from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.generative.level_occupation import LevelOccupation

LEVELS, BETA = 5, 1.3
COUNTS = [(2, 0), (2, 1), (1, 3)]
every_count = pytest.mark.parametrize(("n_up", "n_down"), COUNTS)


def levels_of(geometries: int) -> Tensor:
    return normal(3, geometries, LEVELS).sort(dim=1).values


def every_state(n_up: int, n_down: int) -> Tensor:
    spins = (
        itertools.combinations(range(LEVELS), n_up),
        itertools.combinations(range(LEVELS, 2 * LEVELS), n_down),
    )
    return torch.tensor([a + b for a, b in itertools.product(*spins)])


@every_count
def test_independent_electrons_are_exact_at_each_geometry(n_up: int, n_down: int) -> None:
    """ln p + beta E is the same of all K, and what the canonical ideal gas has."""
    levels, states = levels_of(3), every_state(n_up, n_down)
    model = LevelOccupation(n_up, n_down, LEVELS, BETA)
    for e in levels:
        energy = e.repeat(2)[states].sum(1)
        log_p = model.log_prob(e.expand(len(states), -1), states).detach()
        expected = sum(ideal_gas(e, n, BETA).free_energy for n in (n_up, n_down) if n)
        torch.testing.assert_close(
            log_p / BETA + energy, torch.full_like(log_p, expected), rtol=0, atol=1e-12
        )


@every_count
def test_what_was_trained_is_normalised_and_drawn(n_up: int, n_down: int) -> None:
    model = stirred(LevelOccupation(n_up, n_down, LEVELS, BETA), 0.5)
    assert isinstance(model, LevelOccupation)
    states = every_state(n_up, n_down)
    place = {tuple(k): i for i, k in enumerate(states.tolist())}
    for g, e in enumerate(levels_of(2)):
        p = model.log_prob(e.expand(len(states), -1), states).exp().detach()
        assert float(p.sum()) == pytest.approx(1.0, abs=1e-12)
        drawn = model.sample(e.expand(3000, -1), torch.Generator().manual_seed(g))
        counts = torch.tensor([place[tuple(k)] for k in drawn.tolist()]).bincount(minlength=len(states))
        assert follows(counts, 3000 * p)


@every_count
def test_scores_are_derivatives(n_up: int, n_down: int) -> None:
    model = stirred(LevelOccupation(n_up, n_down, LEVELS, BETA), 0.3)
    assert isinstance(model, LevelOccupation)
    levels = levels_of(4)
    occupied = model.sample(levels, torch.Generator().manual_seed(0))
    found = model.scores(levels, occupied)
    for b in range(4):
        log_p = model.log_prob(levels[b : b + 1], occupied[b : b + 1])
        single = torch.autograd.grad(log_p.sum(), list(model.parameters()))
        torch.testing.assert_close(found[b], torch.cat([g.flatten() for g in single]))


def test_a_common_shift_of_the_levels_changes_nothing() -> None:
    model = stirred(LevelOccupation(2, 1, LEVELS, BETA), 0.5)
    assert isinstance(model, LevelOccupation)
    states, e = every_state(2, 1), levels_of(1).expand(50, -1)
    torch.testing.assert_close(model.log_prob(e + 7.3, states), model.log_prob(e, states))
