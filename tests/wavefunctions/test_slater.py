"""Plane-wave determinants of two electrons, by an exact quadrature; all base states have a list of tests."""

import math

import torch

from vfe_lightning.wavefunctions.slater import SlaterDeterminants

LENGTH = 2.5


def test_two_electrons_are_normalised_and_different_states_orthogonal() -> None:
    points = LENGTH * torch.arange(8, dtype=torch.float64) / 8  # exact quadrature of low plane waves
    zeta = torch.cartesian_prod(points, points)[:, :, None]
    momenta = 2 * math.pi / LENGTH * torch.tensor([[-1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)[:, :, None]
    states = []
    for k in momenta:
        waves = torch.exp(1j * (zeta @ k.T))
        vanishing = torch.linalg.det(waves).abs() < 1e-12
        log_psi = SlaterDeterminants(k.expand(len(zeta), -1, -1), LENGTH).log_psi(zeta)
        states.append(torch.where(vanishing, 0, log_psi.exp()))
    gram = torch.stack(states).conj() @ torch.stack(states).T * (LENGTH / 8) ** 2
    torch.testing.assert_close(gram, torch.eye(2, dtype=torch.complex128), atol=1e-12, rtol=0)
