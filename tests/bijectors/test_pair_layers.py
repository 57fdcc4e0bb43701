"""Layers of pairs on the torus: symmetries, dense Jacobians, folds; the rest is in test_contracts."""

import itertools

import pytest
import torch
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from noise import normal, stirred
from torch import Tensor

from vfe_lightning.bijectors.pair_layers import PairLayers
from vfe_lightning.calculus.per_walker import per_walker_gradients

close = {"rtol": 0, "atol": 1e-12}
kinds = pytest.mark.parametrize("messages", [0, 2])


def made(n: int, messages: int, scale: float = 0.1) -> PairLayers:
    layers = PairLayers(n, 3, 6, messages, torch.Generator().manual_seed(0))
    stirred(layers, scale)
    return layers.requires_grad_(False)


def turns() -> list[Tensor]:
    """The 48 symmetries of the cube, as matrices."""
    axes = torch.eye(3, dtype=torch.float64)
    signs = itertools.product((1.0, -1.0), repeat=3)
    return [
        axes[list(p)] * torch.tensor(s, dtype=axes.dtype)
        for p in itertools.permutations(range(3))
        for s in signs
    ]


@kinds
@settings(max_examples=examples(24), deadline=None)
@given(data=st.data())
def test_layers_commute_with_the_symmetries_of_the_torus(messages, data):
    n = data.draw(st.integers(2, 5))
    z = torch.rand(
        2, n, 3, generator=torch.Generator().manual_seed(data.draw(st.integers(0, 99))), dtype=torch.float64
    )
    order = data.draw(st.permutations(range(n)))
    turn = data.draw(st.sampled_from(turns()))
    shift = torch.tensor(data.draw(st.lists(st.floats(-2, 2), min_size=3, max_size=3)), dtype=torch.float64)
    cells = torch.tensor(data.draw(st.lists(st.integers(-2, 2), min_size=3 * n, max_size=3 * n)))
    cells = cells.view(n, 3).double()
    layers = made(n, messages)
    x, log_det = layers(z)
    moved, other = layers((z @ turn + shift)[:, order] + cells)
    torch.testing.assert_close(moved, (x @ turn + shift)[:, order] + cells, **close)
    torch.testing.assert_close(other, log_det, **close)


@kinds
def test_jacobians_are_those_of_automatic_differentiation(messages):
    layers, z = made(4, messages), 0.3 * normal(1, 4, 4, 3)
    x, log_det, jacobian = layers.with_jacobian(z)
    for one in range(len(z)):
        expected = torch.autograd.functional.jacobian(
            lambda y: layers(y.view(1, 4, 3))[0].flatten(), z[one].flatten()
        )
        torch.testing.assert_close(jacobian[one], expected, **close)
        torch.testing.assert_close(log_det[one], torch.linalg.slogdet(expected)[1], **close)
    assert torch.equal(layers(z)[0], x)


@kinds
def test_each_walker_may_have_parameters_of_its_own(messages):
    layers, z, pull = made(3, messages).requires_grad_(), normal(1, 4, 3, 3), normal(2, 4, 3, 3)
    (found,) = per_walker_gradients(
        layers, PairLayers.forward, [z], lambda x, log_det: [(pull, torch.ones_like(log_det))]
    )
    for one in range(len(z)):
        x, log_det = layers(z[one : one + 1])
        gradients = torch.autograd.grad((x * pull[one]).sum() + log_det.sum(), list(layers.parameters()))
        torch.testing.assert_close(
            found[one], torch.cat([g.flatten() for g in gradients]), rtol=1e-10, atol=1e-11
        )


def test_layers_start_as_the_identity():
    layers = PairLayers(8, 2, 16, 3, torch.Generator().manual_seed(0))
    z = torch.rand(3, 8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x, log_det, jacobian = layers.with_jacobian(z)
    assert (
        torch.equal(x, z)
        and not log_det.any()
        and torch.equal(jacobian, torch.eye(24).double().expand(3, -1, -1))
    )


def test_a_fold_has_no_determinant():
    """A layer draws two particles together so much that it exchanges them."""
    layers = PairLayers(2, 1, 4, 0).requires_grad_(False)
    layers._layers[0].weight.fill_(-0.8)
    z = torch.zeros(50, 2, 3, dtype=torch.float64)
    z[:, 1, 0] = torch.linspace(0.01, 0.5, 50)
    x, log_det, jacobian = layers.with_jacobian(z)
    folded = torch.linalg.slogdet(jacobian)[0] <= 0
    assert 0 < folded.sum() < 50 and torch.equal(log_det.isnan(), folded) and x.isfinite().all()
