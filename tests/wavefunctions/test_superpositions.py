"""Superpositions of determinants: against autograd and single determinants, and their sampler."""

import math

import pytest
import torch
from judging import agrees
from torch import Tensor

from vfe_lightning.statistics import Moments
from vfe_lightning.wavefunctions.configuration_interaction import ConfigurationInteraction
from vfe_lightning.wavefunctions.slater import SlaterDeterminants
from vfe_lightning.wavefunctions.superpositions import Superpositions

LENGTH = 2.5


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def superpositions(n: int, dim: int, terms: int = 4, batch: int = 3) -> tuple[Superpositions, Tensor]:
    g = generator(n + dim)
    table = torch.cartesian_prod(*[torch.arange(-2.0, 3.0, dtype=torch.float64)] * dim)
    rows = [torch.randperm(len(table), generator=g)[:n] for _ in range(batch * terms)]
    k = 2 * math.pi / LENGTH * table[torch.stack(rows)].view(batch, terms, n, dim)
    c = torch.randn(batch, terms, generator=g, dtype=torch.float64)
    c = c / c.norm(dim=1, keepdim=True)
    zeta = LENGTH * torch.rand(batch, n, dim, generator=g, dtype=torch.float64)
    return Superpositions(k, c, LENGTH), zeta


@pytest.mark.parametrize(("n", "dim"), [(2, 2), (2, 3), (3, 2), (3, 3)])
def test_gradient_and_hessian_equal_autograd(n: int, dim: int) -> None:
    states, zeta = superpositions(n, dim)
    jet = states.jet(zeta)
    torch.testing.assert_close(states.gradient(zeta), jet.gradient)
    torch.testing.assert_close(states.log_psi(zeta), jet.log_psi)
    metric = torch.randn(3, n * dim, n * dim, dtype=torch.float64, generator=generator())
    metric = metric + metric.mT
    contracted = torch.view_as_real(jet.hessian_contraction(metric))
    gradient = torch.view_as_real(jet.gradient.flatten(1))
    for b in range(3):
        for part in (0, 1):

            def single(y: Tensor, b: int = b, part: int = part) -> Tensor:
                log_psi = states[b : b + 1].log_psi(y.view(1, n, dim))
                return torch.view_as_real(log_psi)[0, part]

            point = zeta[b].flatten()
            torch.testing.assert_close(
                gradient[b, :, part], torch.autograd.functional.jacobian(single, point)
            )
            hessian = torch.autograd.functional.hessian(single, point)
            torch.testing.assert_close(contracted[b, part], (hessian * metric[b]).sum())


@pytest.mark.parametrize(("n", "dim"), [(2, 3), (3, 2)])
def test_one_term_is_a_determinant(n: int, dim: int) -> None:
    states, zeta = superpositions(n, dim, terms=1)
    determinants = SlaterDeterminants(states.k[:, 0], LENGTH)
    torch.testing.assert_close(states.log_psi(zeta).real, determinants.log_psi(zeta).real)
    torch.testing.assert_close(states.momentum, determinants.momentum)
    torch.testing.assert_close(states.gradient(zeta), determinants.gradient(zeta))


def test_samples_have_the_density_of_the_state() -> None:
    """Fourier components of the pair density against reweighted uniform points."""
    mixing = ConfigurationInteraction(3, 2, rs=10, twist=0.25, cutoff=10, temperature=1.0)
    made = mixing(torch.arange(len(mixing.energies))[:, None])
    mixed = (made.coefficients.abs() > 0.2).sum(1).argmax()
    drawn, count = 5000, 20000  # to draw takes longer, and the error of the uniform points is larger
    one = made[mixed[None]]
    assert int((one.coefficients.abs() > 0.1).sum()) > 2
    z = one[torch.zeros(drawn, dtype=torch.long)].sample(generator(1))
    many = one[torch.zeros(count, dtype=torch.long)]
    uniform = one.length * torch.rand(count, 3, 2, generator=generator(2), dtype=torch.float64)
    weight = (2 * many.log_psi(uniform).real + 6 * math.log(one.length)).exp()
    norm = Moments.of(weight)
    assert agrees(norm.mean, norm.error, 1.0)
    for m in ((1.0, 0.0), (1.0, 1.0), (0.0, 2.0)):
        q = 2 * math.pi / one.length * torch.tensor(m, dtype=torch.float64)
        sampled = Moments.of(((z[:, 0] - z[:, 1]) @ q).cos())
        expected = Moments.of(weight * ((uniform[:, 0] - uniform[:, 1]) @ q).cos())
        assert agrees(sampled.mean, math.hypot(sampled.error, expected.error), expected.mean)
