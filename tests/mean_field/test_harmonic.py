"""A rigid rotor with harmonic vibrations against quadrature, for two atoms and a spring."""

import math

import pytest
import torch
from scipy.integrate import quad

from vfe_lightning.hamiltonians.clusters import icosahedron
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian
from vfe_lightning.hamiltonians.trapped_particles import LennardJones, TrappedParticles
from vfe_lightning.mean_field.harmonic import harmonic_log_z, scaled_to_minimum


class Trimer(ContinuousHamiltonian):
    """Three atoms with springs of rest length one, and a trap of the centre of mass."""

    STIFFNESS = 400.0

    def energy(self, x):
        r = torch.stack([(x[:, i] - x[:, j]).norm(dim=1) for i, j in ((0, 1), (0, 2), (1, 2))], dim=1)
        return 0.5 * self.STIFFNESS * (r - 1).square().sum(dim=1) + 1.5 * x.mean(dim=1).square().sum(dim=1)

    def gradient(self, x):
        raise NotImplementedError


def test_three_atoms_with_stiff_springs():
    """d^9 x = d^3 centre 8 pi^2 r_1 r_2 r_3 dr_1 dr_2 dr_3, both hands of the labels included."""
    h, beta = Trimer(), 1.0
    corners = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0.5, math.sqrt(0.75), 0]], dtype=torch.float64)
    found = harmonic_log_z(h, corners - corners.mean(dim=0), 6, beta)
    spring = quad(lambda r: r * math.exp(-0.5 * h.STIFFNESS * (r - 1) ** 2), 0.5, 1.5, points=[1.0])[0]
    exact = 1.5 * math.log(2 * math.pi / 3) + math.log(8 * math.pi**2 * spring**3)
    assert found == pytest.approx(exact, abs=1e-6)


def test_the_icosahedron_in_a_trap():
    """Its energy is -38.7721880."""
    h = TrappedParticles(13, 1.0, LennardJones())
    x = scaled_to_minimum(h, icosahedron())
    assert h.energy(x[None]).item() == pytest.approx(-38.7721880, abs=1e-6)
    assert h.gradient(x[None]).abs().max() < 1e-6
    slope = harmonic_log_z(h, x, 60, 11.0) - harmonic_log_z(h, x, 60, 10.0)
    assert slope == pytest.approx(38.7721880 - 18 * math.log(1.1))  # 36 modes
