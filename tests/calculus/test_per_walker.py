"""Per-walker gradients of a whole batch against one autograd gradient a sample."""

import contextlib

import pytest
import torch
from torch import Tensor

from vfe_lightning.bijectors.two_stream import TwoStreamFlow
from vfe_lightning.calculus.per_walker import per_walker_gradients
from vfe_lightning.declarations.flow import TwoStream


@pytest.mark.parametrize("context", [contextlib.nullcontext, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_rows_are_gradients_of_single_walkers(depth: int, context) -> None:
    generator = torch.Generator().manual_seed(0)
    flow = TwoStreamFlow(TwoStream(depth=depth, width=4, pair_width=3, init_scale=0.5), 3, 3.0, generator)
    x, c = torch.randn(2, 5, 3, 3, generator=generator, dtype=torch.float64)
    w = torch.randn(5, 9, 9, generator=generator, dtype=torch.float64)

    def cotangents(zeta: Tensor, jacobian: Tensor) -> list[tuple[Tensor | None, Tensor | None]]:
        assert not zeta.requires_grad
        return [(c, w), (c, None), (None, w)]

    with context():
        rows = per_walker_gradients(flow, TwoStreamFlow.jac, [x.clone()], cotangents)
    for b in range(5):
        zeta, jacobian = flow.jac(x[b : b + 1])
        of_zeta, of_jacobian = (zeta[0] * c[b]).sum(), (jacobian[0] * w[b]).sum()
        for found, target in zip(rows, (of_zeta + of_jacobian, of_zeta, of_jacobian), strict=True):
            gradients = torch.autograd.grad(
                target, list(flow.parameters()), retain_graph=True, allow_unused=True, materialize_grads=True
            )
            torch.testing.assert_close(found[b], torch.cat([g.flatten() for g in gradients]))
