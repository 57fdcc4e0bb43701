"""The two-stream flow against its symmetries, and its derivatives against nested forward mode."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.func import functional_call
from towers import derivatives

from vfe_lightning.bijectors.two_stream import TwoStreamFlow
from vfe_lightning.declarations.flow import TwoStream

LENGTH = 3.1
SHAPES = [(depth, dim, n) for depth in (1, 2, 3) for dim in (2, 3) for n in (1, 2, 4)]


def strong_flow(depth: int, dim: int, seed: int = 0, scale: float = 0.4) -> TwoStreamFlow:
    """A flow with large weights and non-zero biases."""
    generator = torch.Generator().manual_seed(seed)
    flow = TwoStreamFlow(TwoStream(depth=depth, width=5, pair_width=4), dim, LENGTH, generator)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return flow.requires_grad_(False)


def uniform(batch: int, n: int, dim: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return LENGTH * torch.rand(batch, n, dim, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("depth", "dim", "n"), SHAPES)
def test_jac_and_jet_equal_nested_forward_mode(depth: int, dim: int, n: int) -> None:
    flow, x = strong_flow(depth, dim), uniform(2, n, dim)
    zeta, jacobian = flow.jac(x)
    jet = flow.jet(x)

    def single(y: Tensor) -> Tensor:
        return flow(y.view(1, n, dim)).flatten()

    close = {"rtol": 1e-11, "atol": 1e-12}
    _, first, second, third = derivatives(single, x.flatten(1), 3)
    torch.testing.assert_close(zeta, flow(x), **close)
    torch.testing.assert_close(jet.zeta, zeta, **close)
    torch.testing.assert_close(jacobian, first, **close)
    torch.testing.assert_close(jet.jacobian, first, **close)
    torch.testing.assert_close(jet.hessian, second, **close)
    torch.testing.assert_close(jet.laplacian.flatten(1), torch.einsum("bacc->ba", second), **close)
    torch.testing.assert_close(jet.grad_laplacian, torch.einsum("baccm->bam", third), **close)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_a_copy_of_the_parameters_for_every_walker_changes_nothing(depth: int) -> None:
    flow, x = strong_flow(depth, 3), uniform(4, 3, 3)
    copies = {name: p.expand(4, *p.shape) for name, p in flow.named_parameters()}
    torch.testing.assert_close(functional_call(flow, copies, (x,)), flow(x))
    zeta, jacobian = functional_call(_Jac(flow), {f"flow.{name}": p for name, p in copies.items()}, (x,))
    torch.testing.assert_close(zeta, flow.jac(x)[0])
    torch.testing.assert_close(jacobian, flow.jac(x)[1])


class _Jac(torch.nn.Module):
    def __init__(self, flow: TwoStreamFlow):
        super().__init__()
        self.flow = flow

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.flow.jac(x)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(1, 2), (2, 2), (2, 3), (3, 3)]), st.permutations(range(4)))
def test_permutations_lattice_vectors_and_translations(
    seed: int, shape: tuple[int, int], order: list[int]
) -> None:
    depth, dim = shape
    flow, x = strong_flow(depth, dim, seed), uniform(1, 4, dim, seed)
    generator = torch.Generator().manual_seed(seed)
    lattice = LENGTH * torch.randint(-2, 3, x.shape, generator=generator).to(torch.float64)
    shift = 10 * torch.rand(dim, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(flow(x[:, order]), flow(x)[:, order])
    torch.testing.assert_close(flow(x + lattice), flow(x) + lattice)
    torch.testing.assert_close(flow(x + shift), flow(x) + shift)


def test_the_flow_starts_near_the_identity_with_the_published_number_of_parameters() -> None:
    flow = TwoStreamFlow(TwoStream(), 2, LENGTH, torch.Generator().manual_seed(0))
    dead_rows = 4 * 16
    assert sum(p.numel() for p in flow.parameters()) == 1074 - dead_rows
    assert all(p.dtype == torch.float64 for p in flow.parameters())
    x = uniform(1, 5, 2)
    _, jacobian = flow.jac(x)
    torch.testing.assert_close(jacobian, torch.eye(10, dtype=torch.float64)[None], atol=1e-2, rtol=0)


def test_every_parameter_receives_a_gradient() -> None:
    flow, x = strong_flow(3, 2).requires_grad_(True), uniform(2, 4, 2)
    zeta, jacobian = flow.jac(x)
    (zeta.square().sum() + torch.linalg.slogdet(jacobian)[1].sum()).backward()
    assert all(p.grad is not None and bool((p.grad != 0).any()) for p in flow.parameters())


def test_derivatives_are_finite_at_half_the_box_where_nearest_images_change() -> None:
    x = torch.tensor([[[0.0, 0.0], [LENGTH / 2, 0.0], [0.0, LENGTH / 2]]], dtype=torch.float64)
    jet = strong_flow(2, 2).jet(x)
    assert all(bool(torch.isfinite(t).all()) for t in jet)
