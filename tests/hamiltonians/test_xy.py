"""Planar spins against their definition, and the stiffness against a second derivative."""

import math

import pytest
import torch

from vfe_lightning.hamiltonians.xy import XY, differences, helicity_modulus, magnetization, vortices


def angles(batch: int, L: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * math.pi * torch.rand(batch, L * L, generator=generator, dtype=torch.float64) - math.pi


@pytest.mark.parametrize("L", [2, 3, 5])
def test_energy_is_a_sum_over_bonds(L):
    H, x = XY(L, 0.7), angles(4, L)
    for e, g in zip(H.energy(x), x.view(-1, L, L), strict=True):
        bonds = sum(
            torch.cos(g[r, c] - g[(r + down) % L, (c + right) % L])
            for r in range(L) for c in range(L) for down, right in ((0, 1), (1, 0))
        )  # fmt: skip
        torch.testing.assert_close(e, -0.7 * bonds)


def test_the_magnetization_does_not_change_when_all_spins_turn():
    x = angles(3, 4)
    torch.testing.assert_close(magnetization(x + 0.7), magnetization(x))


def test_helicity_is_the_curvature_of_the_free_energy_in_a_twist():
    """Of weights on a few configurations, which are averaged over their mirror images."""
    L, J, beta = 3, 1.2, 0.8
    x = angles(50, L)
    x = torch.cat([x, -x])  # no current in the mean

    def free_energy(twist: torch.Tensor) -> torch.Tensor:
        """A sum over both directions, with the twist divided among the L bonds that lie behind each other."""
        bonds = differences(x, L) + twist[:, None, None, None] / L
        return -(beta * J * bonds.cos().sum(dim=(0, 2, 3))).logsumexp(dim=0) / beta

    curvature = torch.func.hessian(free_energy)(torch.zeros(2, dtype=torch.float64)).diagonal().mean()
    p = (-beta * XY(L, J).energy(x)).softmax(dim=0)
    torch.testing.assert_close((p * helicity_modulus(x, L, J, beta)).sum(), curvature)


def test_one_pair_of_vortices():
    L = 8
    row, column = torch.meshgrid(*[torch.arange(L).double()] * 2, indexing="ij")
    x = torch.atan2(row - 3.5, column - 1.5) - torch.atan2(row - 3.5, column - 5.5)
    assert vortices(x.reshape(1, -1), L).item() * L * L == pytest.approx(2)
    assert vortices(torch.zeros(1, L * L).double(), L).item() == 0
