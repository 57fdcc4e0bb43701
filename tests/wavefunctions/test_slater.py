"""The plane-wave determinant against autograd and against its normalisation."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from vfe_lightning.wavefunctions.slater import SlaterDeterminants

LENGTH = 2.5


def problem(n: int, dim: int, batch: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n + dim)
    zeta = LENGTH * torch.rand(batch, n, dim, generator=generator, dtype=torch.float64)
    table = torch.tensor(list(itertools.product((-1.0, 0.0, 1.0), repeat=dim)), dtype=torch.float64) + 0.25
    chosen = torch.stack([torch.randperm(len(table), generator=generator)[:n] for _ in range(batch)])
    return zeta, 2 * math.pi / LENGTH * table[chosen]


@pytest.mark.parametrize(("n", "dim"), [(1, 2), (2, 3), (5, 2), (5, 3)])
def test_gradient_and_hessian_equal_autograd(n: int, dim: int) -> None:
    zeta, k = problem(n, dim)
    jet = SlaterDeterminants(k, LENGTH).jet(zeta)
    torch.testing.assert_close(SlaterDeterminants(k, LENGTH).gradient(zeta), jet.gradient)
    metric = torch.randn(3, n * dim, n * dim, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    metric = metric + metric.mT
    contracted = jet.hessian_contraction(metric)
    for b in range(3):
        for part, found, total in (
            (0, jet.gradient.real, contracted.real),
            (1, jet.gradient.imag, contracted.imag),
        ):

            def single(y: Tensor, b: int = b, part: int = part) -> Tensor:
                log_psi = SlaterDeterminants(k[b : b + 1], LENGTH).log_psi(y.view(1, n, dim))
                return torch.view_as_real(log_psi)[0, part]

            point = zeta[b].flatten()
            torch.testing.assert_close(found[b].flatten(), torch.autograd.functional.jacobian(single, point))
            hessian = torch.autograd.functional.hessian(single, point)
            torch.testing.assert_close(total[b], (hessian * metric[b]).sum())


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
