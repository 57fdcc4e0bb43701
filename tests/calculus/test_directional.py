"""Directional second-order jets against the hand-derived jet and in every autograd context."""

import contextlib

import pytest
import torch

from vfe_lightning.bijectors.two_stream import TwoStreamFlow
from vfe_lightning.calculus.directional import directional_jet
from vfe_lightning.declarations.flow import TwoStream


@pytest.mark.parametrize("context", [contextlib.nullcontext, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_taylor_coefficients_equal_the_hand_derived_jet(depth: int, context) -> None:
    generator = torch.Generator().manual_seed(0)
    flow = TwoStreamFlow(TwoStream(depth=depth, width=4, pair_width=3, init_scale=0.5), 2, 3.0, generator)
    with context():
        x, v = torch.randn(2, 3, 4, 2, generator=generator, dtype=torch.float64)
        found = directional_jet(flow.jac, x, v)
        jet, step = flow.jet(x), v.flatten(1)
        torch.testing.assert_close(found.zeta, jet.zeta)
        torch.testing.assert_close(found.jacobian, jet.jacobian)
        torch.testing.assert_close(
            found.zeta_first.flatten(1), torch.einsum("bac,bc->ba", jet.jacobian, step)
        )
        torch.testing.assert_close(found.jacobian_first, torch.einsum("bacm,bm->bac", jet.hessian, step))
        second = torch.einsum("bacm,bc,bm->ba", jet.hessian, step, step)
        torch.testing.assert_close(found.zeta_second.flatten(1), second)


def test_second_derivatives_along_all_axes_sum_to_the_laplacian_of_the_jacobian() -> None:
    generator = torch.Generator().manual_seed(0)
    flow = TwoStreamFlow(TwoStream(init_scale=0.5), 2, 3.0, generator)
    x = torch.randn(2, 3, 2, generator=generator, dtype=torch.float64)
    axes = torch.eye(6, dtype=torch.float64).view(6, 1, 3, 2).expand(-1, 2, -1, -1)
    total = sum(directional_jet(flow.jac, x, axis).jacobian_second for axis in axes)
    torch.testing.assert_close(total, flow.jet(x).grad_laplacian)
