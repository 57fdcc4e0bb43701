"""The map that makes the cusp of opposite spins: its derivatives, its slope in a crowd, its symmetries."""

import pytest
import torch
from torch import Tensor
from torch.func import grad_and_value, jacfwd
from towers import derivatives

from vfe_lightning.bijectors.inversion import invert
from vfe_lightning.bijectors.periodic_cusp import PeriodicCusp

LENGTH, SLOPE = 4.0, 2.0
SHAPES = [(2, 1, 1), (2, 2, 3), (3, 1, 3), (3, 2, 1)]


def cusp_and_x(dim: int, n_up: int, n_down: int, batch: int = 3) -> tuple[PeriodicCusp, Tensor]:
    generator = torch.Generator().manual_seed(n_up)
    x = LENGTH * torch.rand(batch, n_up + n_down, dim, generator=generator, dtype=torch.float64)
    return PeriodicCusp(n_up, n_down, dim, LENGTH, SLOPE), x


@pytest.mark.parametrize(("dim", "n_up", "n_down"), SHAPES)
def test_the_jet_equals_nested_forward_mode(dim: int, n_up: int, n_down: int) -> None:
    cusp, x = cusp_and_x(dim, n_up, n_down)
    y, jacobian = cusp.jac(x)
    jet = cusp.jet(x)

    def single(v: Tensor) -> Tensor:
        return cusp(v.view(1, -1, dim)).flatten()

    def log_det(v: Tensor) -> Tensor:
        return torch.linalg.slogdet(jacfwd(single)(v))[1]

    def gradient_of_log_det(v: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        found = grad_and_value(log_det)(v)
        return found[0], found

    close = {"rtol": 1e-10, "atol": 1e-10}
    value, first, second = derivatives(single, x.flatten(1), 2)
    torch.testing.assert_close(jet.y, y)
    torch.testing.assert_close(jet.jacobian, jacobian)
    torch.testing.assert_close(y.flatten(1), value)
    torch.testing.assert_close(jacobian, first, **close)
    torch.testing.assert_close(jet.laplacian.flatten(1), torch.einsum("bacc->ba", second), **close)
    for b, point in enumerate(x.flatten(1)):
        hessian, (gradient, value) = jacfwd(gradient_of_log_det, has_aux=True)(point)
        torch.testing.assert_close(jet.log_det[b], value, **close)
        torch.testing.assert_close(jet.log_det_gradient[b].flatten(), gradient, **close)
        torch.testing.assert_close(jet.log_det_laplacian[b], hessian.trace(), **close)


@pytest.mark.parametrize("dim", [2, 3])
def test_the_slope_at_contact_is_the_same_in_every_direction_of_a_crowd(dim: int) -> None:
    """Others of both spins stand within the reach of the two that meet."""
    cusp, x = cusp_and_x(dim, 3, 3, batch=6)
    x[:, 4], x[:, 1] = x[:, 3] + 0.3 * cusp.reach, x[:, 3] - 0.2 * cusp.reach
    direction = torch.nn.functional.normalize(x[:, 5] - x[:, 2], dim=1)
    for r in (1e-3, 1e-4):
        x[:, 0] = x[:, 3] + r * direction
        slope = 0.5 * (cusp.jet(x).log_det_gradient[:, 0] * direction).sum(1)
        torch.testing.assert_close(slope, torch.full_like(slope, SLOPE), rtol=0, atol=20 * r)


def test_permutations_within_each_spin_lattice_vectors_and_translations() -> None:
    cusp, x = cusp_and_x(3, 2, 3)
    order = [1, 0, 4, 2, 3]
    lattice = LENGTH * torch.arange(-7.0, 8.0, dtype=torch.float64).view(5, 3)
    torch.testing.assert_close(cusp(x[:, order]), cusp(x)[:, order])
    torch.testing.assert_close(cusp(x + lattice), cusp(x) + lattice)
    torch.testing.assert_close(cusp(x - 1.7), cusp(x) - 1.7)
    assert torch.equal(cusp(x)[:, 2:], x[:, 2:])


def test_it_is_a_bijection_also_where_electrons_crowd() -> None:
    """A thousand configurations within a few reaches of each other are found again, with det > 0."""
    cusp, x = cusp_and_x(2, 3, 4, batch=1000)
    x = 0.3 * x

    class Plain(torch.nn.Module):
        def forward(self, y: Tensor, momentum: Tensor | None = None) -> Tensor:
            return cusp(y)

        def jac(self, y: Tensor, momentum: Tensor | None = None) -> tuple[Tensor, Tensor]:
            return cusp.jac(y)

    found = invert(Plain(), cusp(x))
    assert bool((found.sign == 1).all())
    torch.testing.assert_close(found.x, x, rtol=0, atol=1e-8)
