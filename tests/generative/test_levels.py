"""Boltzmann weights of listed levels: normalised, sampled, with the scores of autograd; an ideal gas too."""

import torch

from vfe_lightning import declarations
from vfe_lightning.generative.dispersion import stars_of
from vfe_lightning.generative.levels import Levels
from vfe_lightning.hamiltonians.periodic_box import plane_waves
from vfe_lightning.systems.electron_gas import occupation_model

WAVES = plane_waves(2, 2, (0.25, 0.25))
STATES = torch.combinations(torch.arange(len(WAVES)), 3)


def levels(spread: float = 0.3) -> Levels:
    generator = torch.Generator().manual_seed(0)
    energies = torch.rand(len(STATES), generator=generator, dtype=torch.float64)
    made = Levels(energies, 3, stars_of(WAVES))
    with torch.no_grad():
        made.shift += spread * torch.randn(made.shift.shape, generator=generator, dtype=torch.float64)
    return made


def test_probabilities_are_normalised_and_sampled():
    """Each state's frequency within 4.5 sigma of 200000 samples."""
    model, count = levels(), 200_000
    p = model.log_prob(STATES).detach().exp()
    torch.testing.assert_close(p.sum(), torch.ones((), dtype=torch.float64))
    drawn = model.sample(count, torch.Generator().manual_seed(1))
    found = (drawn[:, None] == STATES).all(2).double().mean(0)
    assert float(((found - p) / (p * (1 - p) / count).sqrt()).abs().max()) < 4.5


def test_scores_are_the_gradient_of_log_prob():
    model = levels()
    scores = model.scores(STATES[::7])
    for row, state in zip(scores, STATES[::7], strict=True):
        (expected,) = torch.autograd.grad(model.log_prob(state[None])[0], model.shift)
        torch.testing.assert_close(row, expected)


def test_without_interaction_it_is_the_quasiparticle_gas():
    """With the same shifts, on kinetic energies."""
    d = declarations.ElectronGas(
        n=3, dim=2, rs=1, theta=0.5, twist=0.25, cutoff=2, occupation=declarations.Quasiparticle()
    )
    gas = occupation_model(d, WAVES, None)
    weights = gas.dispersion.weights
    model = Levels(-weights[STATES].sum(1), 3, stars_of(WAVES))
    with torch.no_grad():
        model.shift += torch.linspace(-1, 1, len(model.shift), dtype=torch.float64)
        gas.dispersion.shift.copy_(model.shift)
        torch.testing.assert_close(model.log_prob(STATES), gas.log_prob(STATES))
