"""Splines around a molecule: what they do not see, and where they start."""

import torch
from test_affine_coupling import normal, splines_around_a_molecule, stirred

from vfe_lightning.bijectors.one_body import OneBodySplines


def test_equal_particles_stay_equal():
    bijector, z = splines_around_a_molecule(), normal(0, 4, 7, 2)
    order = torch.tensor([0, 1, 4, 6, 2, 5, 3])
    x, log_det = bijector(z)
    y, same = bijector(z[:, order])
    torch.testing.assert_close(y, x[:, order])
    torch.testing.assert_close(same, log_det)
    z[:, 6] += 0.1  # which the others do not see
    moved = (bijector(z)[0] != x).any(dim=2).any(dim=0)
    assert moved.tolist() == [False] * 6 + [True]
    z[:, 0] += 0.1  # which all see
    assert (bijector(z)[0] != x).any(dim=2).any(dim=0).tolist() == [True, False] + [True] * 5


def test_new_parameters_move_the_molecule_only():
    shifts = torch.tensor([[-0.3, 0.1], [0.3, 0.0]], dtype=torch.float64)
    bijector, z = OneBodySplines(shifts, normal(1, 20, 2, 2), 3.0, 4, 8, 4), normal(0, 4, 7, 2)
    x, log_det = bijector(z)
    torch.testing.assert_close(x[:, :2], z[:, :2] + shifts)
    torch.testing.assert_close(x[:, 2:], z[:, 2:], rtol=0, atol=0.05)
    assert log_det.abs().max() < 0.2
    far = z + 10.0
    torch.testing.assert_close(stirred(bijector)(far)[0][:, 2:], far[:, 2:])
