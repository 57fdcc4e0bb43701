"""Hartree-Fock of the electron gas against published values, enumeration, and the sampled ansatz."""

import itertools
import math

import pytest
import torch
from judging import agrees

from vfe_lightning import declarations
from vfe_lightning.exact.hartree_fock import exchange_matrix, hartree_fock
from vfe_lightning.exact.ideal_gas import ideal_gas, pair_occupations
from vfe_lightning.hamiltonians.ewald import Ewald
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy, plane_waves
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.electron_gas import ElectronGas

GROUND_STATES = [
    (33, 3, 9, 3.49037455, -1.21400268),
    (37, 2, 16, 1.98271443, -1.71568039),
    (13, 2, 9, 2.08200223, -1.71657185),
]


@pytest.mark.parametrize(("n", "dim", "cutoff", "kinetic", "potential"), GROUND_STATES)
def test_published_ground_states(n, dim, cutoff, kinetic, potential):
    """K r_s^2 and V r_s per electron in Ry; potential is linear in r_s, kinetic does not depend on it."""
    for rs in (1.0, 5.0):
        found = hartree_fock(n, dim, rs, 0.0, 0.0, cutoff)
        assert found.kinetic / n == pytest.approx(kinetic, abs=1e-8)
        assert found.potential / n / rs == pytest.approx(potential, abs=1e-8)
        assert found.free_energy == found.kinetic + found.potential
        assert found.entropy == 0


@pytest.mark.parametrize(("n", "dim", "cutoff", "kinetic", "potential"), GROUND_STATES)
def test_identity_flow_samples_the_ground_state(n, dim, cutoff, kinetic, potential):
    """K is exact walker by walker; V agrees within the error of 150 independent walkers."""
    system = ElectronGas(
        declarations.ElectronGas(
            n=n,
            dim=dim,
            rs=1,
            theta=0,
            cutoff=cutoff,
            occupation={"kind": "fermi_sea"},
            flow={"depth": 1, "width": 2, "init_scale": 0},
        )
    )
    system.generator = torch.Generator().manual_seed(0)
    estimate = system.estimate(8)
    kinetics = estimate.energies["kinetic"] / n
    torch.testing.assert_close(kinetics, torch.full_like(kinetics, kinetic), rtol=0, atol=1e-8)
    torch.testing.assert_close(estimate.free_energy, estimate.energy, rtol=0, atol=0)
    assert bool((estimate.entropy == 0).all())
    x, _ = system.sample_positions(system.states(torch.arange(n).expand(150, -1)))
    v = Moments.of(system.hamiltonian.energy(x) / n)
    assert agrees(v.mean, v.error, potential, samples=150)
    assert float(v.error) < 0.03


def test_identity_flow_samples_the_thermal_state():
    """F, V and S within their errors; T ln p + K is the ideal free energy without any variance."""
    n, dim, rs, theta, twist, cutoff = 7, 2, 3.0, 0.3, 0.25, 9
    exact = hartree_fock(n, dim, rs, theta, twist, cutoff)
    system = ElectronGas(
        declarations.ElectronGas(
            n=n,
            dim=dim,
            rs=rs,
            theta=theta,
            twist=twist,
            cutoff=cutoff,
            flow={"init_scale": 0},
            chunk_size=16,
        )
    )
    system.generator = torch.Generator().manual_seed(0)
    estimate = system.estimate(384)
    pairs = {
        exact.free_energy: estimate.free_energy,
        exact.kinetic: estimate.energies["kinetic"],
        exact.potential: estimate.energies["potential"],
        exact.entropy: estimate.entropy,
    }
    for expected, samples in pairs.items():
        moments = Moments.of(samples)
        assert agrees(moments.mean, moments.error, expected, samples=384)
    ideal = estimate.energies["kinetic"] - system.temperature * estimate.entropy
    expected = exact.kinetic - system.temperature * exact.entropy
    assert float((ideal - expected).abs().max()) < 1e-9


@pytest.mark.parametrize("dim", [2, 3])
def test_thermal_values_against_enumeration(dim):
    n, rs, theta, twist, cutoff = 3, 2.0, 0.4, 0.2, 2 if dim == 2 else 1
    found = hartree_fock(n, dim, rs, theta, twist, cutoff)
    length, orbitals = box_length(n, dim), plane_waves(dim, cutoff, (twist,) * dim)
    energies = (2 * math.pi / length) ** 2 * orbitals.square().sum(1)
    q = 2 * math.pi / length * (orbitals[:, None] - orbitals).norm(dim=-1)
    coulomb = 2 * rs / length**dim * (2 * math.pi / q if dim == 2 else 4 * math.pi / q**2)
    temperature = theta * fermi_energy(dim)
    states = list(itertools.combinations(range(len(orbitals)), n))
    kinetic = torch.stack([energies[list(s)].sum() for s in states])
    exchange = torch.stack([sum(coulomb[a, b] for a, b in itertools.combinations(s, 2)) for s in states])
    p = (-kinetic / temperature).softmax(0)
    potential = n * rs / length * Ewald(dim).madelung - p @ exchange
    entropy = -(p * p.log()).sum()
    assert found.potential == pytest.approx(float(potential), rel=1e-11)
    assert found.entropy == pytest.approx(float(entropy), rel=1e-11)
    assert found.kinetic == pytest.approx(float(p @ kinetic), rel=1e-11)
    total = found.kinetic - temperature * found.entropy + found.potential
    assert found.free_energy == pytest.approx(total, rel=1e-12)


def test_pair_occupations_are_projections():
    w = -torch.rand(6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    pairs = pair_occupations(w, 3)
    occupations = ideal_gas(-w, 3, 1.0).occupations
    torch.testing.assert_close(pairs.diagonal(), occupations)  # n_k^2 = n_k
    torch.testing.assert_close(pairs.sum(1), 3 * occupations)
    torch.testing.assert_close(pairs, pairs.T)


def test_exchange_has_no_self_interaction():
    v = exchange_matrix(plane_waves(2, 2, (0.1, 0.1)), 1.0, 2.0)
    assert bool((v.diagonal() == 0).all())
    assert bool((v >= 0).all())


@pytest.mark.parametrize("dim", [2, 3])
def test_both_spins_are_two_gases_that_share_a_box(dim):
    """Against enumeration: kinetic energy and exchange of each spin, none between them."""
    n_up, n_down, rs, theta, twist, cutoff = 2, 1, 2.0, 0.4, 0.25, 2
    length = box_length(3, dim)
    orbitals = plane_waves(dim, cutoff, (twist,) * dim)
    energies = (2 * math.pi / length) ** 2 * orbitals.square().sum(dim=1)
    exchange = exchange_matrix(orbitals, rs, length)
    temperature = theta * fermi_energy(dim, 2 / 3)
    ups = torch.tensor(list(itertools.combinations(range(len(orbitals)), n_up)))
    e = energies[ups].sum(1)[:, None] + energies
    v = (3 * rs / length * Ewald(dim).madelung - exchange[ups[:, 0], ups[:, 1]])[:, None].expand_as(e)
    weight = torch.softmax(-e.flatten() / temperature, 0)
    found = hartree_fock(n_up, dim, rs, theta, twist, cutoff, n_down)
    assert found.kinetic == pytest.approx(float(weight @ e.flatten()))
    assert found.potential == pytest.approx(float(weight @ v.flatten()))
    entropy = float(-(weight * weight.log()).sum())
    assert found.entropy == pytest.approx(entropy)
    assert found.free_energy == pytest.approx(found.kinetic + found.potential - temperature * entropy)


def test_the_unpolarised_metal_in_the_box_is_the_published_one():
    """33 + 33 electrons, r_s = 1: each spin is the closed shell of 33 in a box of twice the volume."""
    both, one = hartree_fock(33, 3, 1.0, 0.0, 0.0, 9, 33), hartree_fock(33, 3, 1.0, 0.0, 0.0, 9)
    assert both.kinetic == pytest.approx(2 * one.kinetic / 2 ** (2 / 3))
    madelung = Ewald(3).madelung
    exchange = one.potential - 33 / box_length(33, 3) * madelung
    assert both.potential == pytest.approx(66 / box_length(66, 3) * madelung + 2 * exchange / 2 ** (1 / 3))
