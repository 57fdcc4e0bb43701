"""n(k) by moving one electron, against states of which it is known."""

import math

import pytest
import torch
from judging import agrees

from vfe_lightning.estimators.momentum_distribution import (
    controlled,
    momentum_distribution,
    moved_one_by_one,
)
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy, plane_waves
from vfe_lightning.statistics import Moments
from vfe_lightning.wavefunctions.configuration_interaction import ConfigurationInteraction
from vfe_lightning.wavefunctions.slater import SlaterDeterminants
from vfe_lightning.wavefunctions.spin_determinants import SpinDeterminants

SAMPLES = 3000


def measured(states, k, spins, seed=0):
    """Moments of n_k of each spin: (spins, orbitals)."""
    generator = torch.Generator().manual_seed(seed)
    x = states.sample(generator)
    shift = states.length * torch.rand(x.shape, generator=generator, dtype=x.dtype)
    return Moments.of(momentum_distribution(moved_one_by_one(states.log_psi, x, shift), shift, k, spins))


@pytest.mark.parametrize(("n", "dim"), [(5, 2), (4, 3)])
def test_a_determinant_has_its_orbitals(n, dim):
    length = box_length(n, dim)
    k = 2 * math.pi / length * plane_waves(dim, 3, (0.1,) * dim)
    found = measured(SlaterDeterminants(k[1 : n + 1].expand(SAMPLES, -1, -1), length), k, [n])
    exact = torch.zeros(1, len(k), dtype=k.dtype)
    exact[0, 1 : n + 1] = 1
    assert agrees(found.mean, found.error, exact, SAMPLES)
    assert float(found.error.max()) < 2 * (n / SAMPLES) ** 0.5


def test_each_spin_has_its_own():
    length = box_length(5, 2)
    k = 2 * math.pi / length * plane_waves(2, 2, (0.0, 0.0))
    occupied = torch.tensor([0, 1, 2, 0, 3])
    found = measured(SpinDeterminants(k[occupied].expand(SAMPLES, -1, -1), length, 3), k, [3, 2])
    exact = torch.zeros(2, len(k), dtype=k.dtype)
    exact[0, :3] = exact[1, [0, 3]] = 1
    assert agrees(found.mean, found.error, exact, SAMPLES)


@pytest.mark.parametrize("n_down", [0, 1])
def test_interacting_electrons_as_diagonalised(n_down):
    """Two electrons at r_s = 5: n_k is the sum of |c_K|^2 over the determinants that have k."""
    mixing = ConfigurationInteraction(2, 2, 5.0, 0.25, 10.0, 0.2 * fermi_energy(2), n_down)
    lowest = int(mixing.energies.argmin())
    states = mixing(torch.full((SAMPLES, 1), lowest))
    k = 2 * math.pi / states.length * plane_waves(2, 9, (0.25, 0.25))
    spins = [2 - n_down, n_down] if n_down else [2]
    found = measured(states, k, spins)
    of_terms, weight = states.k[0], states.coefficients[0].square()
    has = (torch.cdist(of_terms, k.expand(len(of_terms), -1, -1)) < 1e-3).double()  # (terms, n, orbitals)
    exact = torch.stack([torch.einsum("t,tnk->k", weight, part) for part in has.split(spins, dim=1)])
    assert 0.5 < float(exact.max()) < 0.99  # correlated, and not without recognition
    assert agrees(found.mean, found.error, exact, SAMPLES)


def test_a_control_takes_away_what_it_explains():
    generator = torch.Generator().manual_seed(1)
    control, noise = torch.randn(2, 4000, 3, generator=generator, dtype=torch.float64)
    values = 2.0 - 0.7 * control + 0.1 * noise
    found = Moments.of(controlled(values, control))
    assert agrees(found.mean, found.error, torch.full((3,), 2.0), 4000)
    assert float(found.error.max()) < 0.12 / 4000**0.5
    assert torch.equal(controlled(values, torch.zeros_like(values)), values)
