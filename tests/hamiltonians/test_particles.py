"""Classical potentials: their gradients, their symmetries, and what is known of them at single points."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from noise import normal

from vfe_lightning.calculus.gradient import gradient
from vfe_lightning.hamiltonians.clusters import icosahedron
from vfe_lightning.hamiltonians.dimer import Dimer, distance
from vfe_lightning.hamiltonians.planar_wells import DoubleWell, MuellerBrown
from vfe_lightning.hamiltonians.stretched_dimer import StretchedDimer
from vfe_lightning.hamiltonians.trapped_particles import Coulomb, LennardJones, Logarithmic, TrappedParticles

CASES = {
    "double well": (DoubleWell(), (2,)),
    "Mueller-Brown": (MuellerBrown(), (2,)),
    "Coulomb 2D": (TrappedParticles(4, 2.0, Coulomb()), (4, 2)),
    "Coulomb 3D": (TrappedParticles(4, 2.0, Coulomb()), (4, 3)),
    "log gas 1D": (TrappedParticles(4, 1.0, Logarithmic(1.5)), (4, 1)),
    "Lennard-Jones": (TrappedParticles(5, 1.0, LennardJones()), (5, 3)),
    "dimer": (Dimer(0), (2, 2)),
    "dimer in a solvent": (Dimer(6, box=1.5), (8, 2)),
    "stretched dimer": (StretchedDimer(6, 0.3), (8, 2)),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients(name):
    h, shape = CASES[name]
    x = 1.5 * normal(0, 6, *shape)
    expected = gradient(h.energy, x).flatten(1)
    away = (h.gradient(x).flatten(1) - expected).abs().amax(dim=1)
    assert (away <= 1e-12 * expected.abs().amax(dim=1)).all()  # forces of close pairs cancel to others


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_particles_in_a_trap_are_equal_and_may_be_turned(seed):
    h, x = TrappedParticles(5, 2.0, Coulomb()), normal(seed, 3, 5, 3)
    rotation = torch.linalg.qr(normal(seed + 1, 3, 3))[0]
    order = torch.randperm(5, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(h.energy(x[:, order] @ rotation), h.energy(x), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", ["Coulomb 2D", "log gas 1D", "Lennard-Jones"])
def test_the_virial_is_a_derivative_with_the_scale(name):
    h, shape = CASES[name]
    x = normal(0, 3, *shape)
    parts = (x * h.gradient(x)).flatten(1)
    assert ((h.virial(x) - parts.sum(dim=1)).abs() <= 1e-12 * parts.abs().sum(dim=1)).all()


def test_known_points():
    x = torch.tensor([[-2.52892, 0.0], [2.36147, 0.0]], dtype=torch.float64)
    assert DoubleWell().energy(x).tolist() == pytest.approx([-11.48983, -6.59370], abs=1e-5)
    for length, energy in ((2.06150, -16.18526), (0.94350, -15.06724)):
        pair = torch.tensor([[[-length / 2, 0.0], [length / 2, 0.0]]], dtype=torch.float64)
        assert distance(pair).item() == pytest.approx(length)
        assert Dimer(0).energy(pair).item() == pytest.approx(energy, abs=1e-5)
    minimum = torch.tensor([[-0.558, 1.442]], dtype=torch.float64)
    assert MuellerBrown().energy(minimum).item() == pytest.approx(0.15 * (146.7 - 146.6995), abs=1e-3)


def test_the_box_counts_once():
    x = torch.tensor([[[-1.0, 0.0], [1.0, 0.0], [0.0, 3.5]]], dtype=torch.float64)
    far = Dimer(1, epsilon=1e-30).energy(x) - Dimer(0).energy(x[:, :2])
    assert far.item() == pytest.approx(100 * 0.5**2)


def test_icosahedron_of_thirteen_atoms():
    """The lowest energy, -44.326801: Hoare & Pal, Adv. Phys. 20, 161 (1971)."""
    h = TrappedParticles(13, 0.0, LennardJones())
    scales = torch.linspace(0.96, 1.06, 2001, dtype=torch.float64)
    assert h.energy(scales[:, None, None] * icosahedron()).min().item() == pytest.approx(-44.326801, abs=1e-5)
