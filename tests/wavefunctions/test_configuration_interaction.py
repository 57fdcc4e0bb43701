"""Eigenstates among determinants: orthonormal, of definite momentum, with the energies that are listed."""

import math

import pytest
import torch
from judging import agrees

from vfe_lightning.exact.diagonalization import diagonalize
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.hamiltonians.electron_gas import ElectronGas
from vfe_lightning.hamiltonians.periodic_box import fermi_energy, plane_waves
from vfe_lightning.statistics import Moments
from vfe_lightning.wavefunctions.configuration_interaction import ConfigurationInteraction
from vfe_lightning.wavefunctions.superpositions import Superpositions


def eigenstates(
    n: int = 2, dim: int = 2, rs: float = 5.0, cutoff: float = 10.0, temperature: float = 2.0, n_down: int = 0
) -> tuple[ConfigurationInteraction, Superpositions]:
    mixing = ConfigurationInteraction(n, dim, rs, 0.25, cutoff, temperature, n_down)
    return mixing, mixing(torch.arange(len(mixing.energies))[:, None])


@pytest.mark.parametrize(("n", "dim", "n_down"), [(2, 2, 0), (3, 2, 0), (2, 3, 0), (2, 2, 1), (3, 2, 1)])
def test_states_are_orthonormal_and_of_definite_momentum(n: int, dim: int, n_down: int) -> None:
    _, made = eigenstates(n, dim, n_down=n_down)
    used = made.coefficients != 0
    momentum = made.momentum[:, None].expand(-1, used.shape[1], -1)
    torch.testing.assert_close(made.k.sum(2)[used], momentum[used])
    same = (made.momentum[:, None] - made.momentum).norm(dim=2) < 1e-9
    assert int(same.sum()) > 2 * len(made)
    overlap = torch.where(same, made.coefficients @ made.coefficients.T, 0.0)
    torch.testing.assert_close(overlap, torch.eye(len(made), dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n", "dim", "n_down"), [(2, 2, 0), (3, 2, 0), (3, 3, 0), (2, 3, 1), (3, 2, 1)])
def test_free_electrons_are_the_ideal_gas(n: int, dim: int, n_down: int) -> None:
    """No level is missing or counted twice, and none is shifted."""
    temperature = 0.3 * fermi_energy(dim)
    mixing, made = eigenstates(n, dim, rs=0.0, cutoff=14, temperature=temperature, n_down=n_down)
    assert bool((made.coefficients.abs() > 1e-12).sum(1).eq(1).all())
    waves = plane_waves(dim, 16, (0.25,) * dim) * 2 * math.pi / made.length
    gases = [ideal_gas(waves.square().sum(1), m, 1 / temperature) for m in (n - n_down, n_down) if m]
    exact = sum(gas.free_energy for gas in gases)
    found = -temperature * float(torch.logsumexp(-mixing.energies / temperature, 0))
    assert found == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("n_down", [0, 1])
def test_energies_are_those_of_the_hamiltonian(n_down: int) -> None:
    """<H> of four states of one total momentum, the lowest and the highest among them, from 3000 samples."""
    rs, count = 5.0, 3000
    mixing, made = eigenstates(rs=rs, temperature=4.0 if n_down == 0 else 2.0, n_down=n_down)
    same = (made.momentum[:, None] - made.momentum).norm(dim=2) < 1e-9
    sector = torch.nonzero(same[same.sum(1).argmax()])[:, 0]
    sector = sector[mixing.energies[sector].argsort()]
    sector = sector[torch.linspace(0, len(sector) - 1, 4).round().long().unique()]
    gas = ElectronGas(2, 2, rs)
    madelung = 2 * rs / made.length * gas.ewald.madelung
    expected, errors = mixing.energies[sector] + madelung, []
    assert len(sector) > 2
    for row, level in zip(sector, expected, strict=True):
        state = made[row.expand(count)]
        z = state.sample(torch.Generator().manual_seed(int(row)))
        jet = state.jet(z)
        identity = torch.eye(4, dtype=torch.float64).expand(count, -1, -1)
        kinetic = -(jet.hessian_contraction(identity) + jet.gradient.square().sum((1, 2)))
        energy = Moments.of(kinetic.real + gas.energy(z))
        assert agrees(energy.mean, energy.error, level, samples=count)
        errors.append(float(energy.error))
    assert float(expected.max() - expected.min()) > 10 * max(errors)


def test_the_free_energy_falls_to_the_exact_one() -> None:
    n, dim, rs, theta = 3, 2, 5.0, 0.5
    temperature = theta * fermi_energy(dim)
    exact = diagonalize(n, dim, rs, theta, (0.25,) * dim, cutoff=40)
    gas = ElectronGas(n, dim, rs)
    excess = []
    for cutoff in (8.0, 16.0, 32.0):
        mixing, made = eigenstates(n, dim, rs, cutoff, temperature)
        madelung = n * rs / made.length * gas.ewald.madelung
        levels = -temperature * float(torch.logsumexp(-mixing.energies / temperature, 0))
        excess.append(levels + madelung - exact.free_energy)
    assert excess[0] > 2 * excess[1] > 4 * excess[2] > 0
    assert excess[2] < 2e-4 * abs(exact.free_energy)
