"""Classical potentials: their virial, and what is known of them at single points."""

import pytest
import torch
from physical_parts import HAMILTONIANS

from vfe_lightning.hamiltonians.clusters import icosahedron
from vfe_lightning.hamiltonians.dimer import Dimer, distance
from vfe_lightning.hamiltonians.planar_wells import DoubleWell, MuellerBrown
from vfe_lightning.hamiltonians.trapped_particles import LennardJones, TrappedParticles


@pytest.mark.parametrize("name", ["trapped charges 2D", "trapped log gas", "trapped atoms"])
def test_the_virial_is_a_derivative_with_the_scale(name):
    h, x = HAMILTONIANS[name].make(), HAMILTONIANS[name].draw()
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
