"""Boltzmann weights of listed levels: normalised, sampled, with the scores of autograd."""

import torch
from judging import follows

from vfe_lightning.generative.levels import Levels

COUNT = 40
STATES = torch.arange(COUNT)[:, None]


def levels() -> Levels:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(COUNT, 3, generator=generator, dtype=torch.float64)
    made = Levels(3 * torch.rand(COUNT, generator=generator, dtype=torch.float64), features)
    with torch.no_grad():
        made.shift += 0.3 * torch.randn(3, generator=generator, dtype=torch.float64)
    return made


def test_it_starts_at_the_boltzmann_weights():
    energies = torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64)
    p = Levels(energies, torch.ones(3, 1, dtype=torch.float64)).log_prob(STATES[:3])
    torch.testing.assert_close(p, (-energies).log_softmax(0))


def test_probabilities_are_normalised_and_sampled():
    model, count = levels(), 200_000
    p = model.log_prob(STATES).detach().exp()
    torch.testing.assert_close(p.sum(), torch.ones((), dtype=torch.float64))
    drawn = model.sample(count, torch.Generator().manual_seed(1))
    assert drawn.shape == (count, 1)
    assert follows(torch.bincount(drawn[:, 0], minlength=COUNT), count * p)


def test_scores_are_the_gradient_of_log_prob():
    model = levels()
    for row, state in zip(model.scores(STATES), STATES, strict=True):
        (expected,) = torch.autograd.grad(model.log_prob(state[None])[0], model.shift)
        torch.testing.assert_close(row, expected)
