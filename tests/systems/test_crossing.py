"""Spins that a model has lost, which populations that know nothing of it find again."""

import math
from functools import partial

import pytest
import torch
from judging import agrees
from spins import all_spins

from vfe_lightning.bijectors.affine import Affine
from vfe_lightning.declarations import SequentialMonteCarlo
from vfe_lightning.finishing import finish
from vfe_lightning.generative.reparameterized import NormalizingFlow
from vfe_lightning.gibbs_state import EXACT
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian
from vfe_lightning.hamiltonians.spins import PairwiseSpins
from vfe_lightning.samplers.elsewhere import any_values, normal
from vfe_lightning.statistics import Importance
from vfe_lightning.systems.crossing import crossing_of
from vfe_lightning.systems.physics import Physics
from vfe_lightning.systems.spin_kernels import ising_kernels

N = 8
COUPLINGS = torch.full((N, N), 0.5, dtype=torch.float64).fill_diagonal_(0)
FERROMAGNET = PairwiseSpins(COUPLINGS, torch.full((N,), 1e-3, dtype=torch.float64))


class Independent:
    """Spins that point up with the same probability, all of them, or all down."""

    def __init__(self, up: float, mirrored: bool) -> None:
        self.up, self.mirrored = up, mirrored

    def sample(self, n, generator):
        s = 2 * (torch.rand(n, N, generator=generator) < self.up).double() - 1
        coin = torch.rand(n, 1, generator=generator) < 0.5
        return torch.where(coin & self.mirrored, -s, s)

    def log_prob(self, x):
        count = (x > 0).double().sum(1)
        one, other = (k * math.log(self.up) + (N - k) * math.log(1 - self.up) for k in (count, N - count))
        return torch.logaddexp(one, other) - math.log(2) if self.mirrored else one


@pytest.mark.parametrize("mirrored", [True, False])
def test_a_lost_phase_of_spins_is_told_by_those_that_come_from_uniform_ones(mirrored):
    """A ferromagnet in a weak field, which clusters do not turn over, and heat baths neither."""
    physics = Physics(
        size=N,
        beta=1.0,
        units="J",
        per="spin",
        hamiltonian=FERROMAGNET,
        model=Independent(0.97, mirrored),
        observables={},
        kernels=partial(ising_kernels, FERROMAGNET, 1.0),
        elsewhere=any_values(N, torch.tensor([-1.0, 1.0], dtype=torch.float64)),
    )
    wanted = SequentialMonteCarlo(populations=32, walkers=64, steps=4, settling=4)
    found = finish(crossing_of(physics), wanted, 5, torch.device("cpu"))
    exact = -(-FERROMAGNET.energy(all_spins(N))).logsumexp(0)
    assert found.control is not None
    control = Importance(found.control).free_energy(1.0)
    assert agrees(control.mean, control.error, exact, samples=32) and control.error < 0.05
    own = Importance(found.log_z).free_energy(1.0)
    if mirrored:
        assert found.verdict(0.8) == EXACT and agrees(own.mean, own.error, exact, samples=32)
    else:
        assert own.mean > exact + 0.5
        assert "the model has lost configurations" in found.verdict(0.8)


class TwoWells(ContinuousHamiltonian):
    """U = (x^2 - 9)^2 / 8 in one dimension: a barrier of ten kT between wells at +-3."""

    def energy(self, x):
        return (x[:, 0].square() - 9).square() / 8

    def gradient(self, x):
        return x * (x.square() - 9) / 2


@pytest.mark.parametrize("lost", [True, False])
def test_a_lost_well_is_told_by_those_that_come_from_a_broad_density(lost):
    """A flow of one well, or of a width that has both; no minima are known, and trajectories do not cross."""
    bijector = Affine((1,), 0.4 if lost else 3.0)
    with torch.no_grad():
        bijector.shift.fill_(3.0 if lost else 0.0)
    wells = Physics(
        size=1,
        beta=1.0,
        units="kT",
        per="system",
        hamiltonian=TwoWells(),
        model=NormalizingFlow(bijector, (1,)),
        observables={},
        elsewhere=normal((1,), 4.0),
    )
    wanted = SequentialMonteCarlo(populations=32, walkers=64, steps=4, settling=4)
    found = finish(crossing_of(wells), wanted, 3, torch.device("cpu"))
    grid = torch.linspace(-8, 8, 8001, dtype=torch.float64)[:, None]
    exact = -((-wells.hamiltonian.energy(grid)).logsumexp(0) + math.log(16 / 8000))
    own = Importance(found.log_z).free_energy(1.0)
    if lost:
        assert agrees(own.mean, own.error, exact + math.log(2), samples=32)
        assert "the model has lost configurations" in found.verdict(0.8)
    else:
        assert found.verdict(0.8) == EXACT and agrees(own.mean, own.error, exact, samples=32)
