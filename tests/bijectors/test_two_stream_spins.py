"""The two-stream flow of both spins: its symmetries, and its derivatives against nested forward mode."""

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from towers import derivatives

from vfe_lightning.bijectors.two_stream import TwoStreamFlow
from vfe_lightning.bijectors.two_stream_spins import Spins
from vfe_lightning.calculus.per_walker import per_walker_gradients
from vfe_lightning.declarations.flow import TwoStream

LENGTH = 3.1
SHAPES = [(1, 2, 1, 1), (1, 3, 1, 3), (2, 2, 2, 1), (2, 3, 1, 2), (3, 2, 1, 3), (3, 3, 2, 1), (4, 2, 2, 2)]


def strong_flow(
    depth: int, dim: int, n_up: int, n_down: int, seed: int = 0, centred: bool = False
) -> TwoStreamFlow:
    """A flow with large weights and non-zero biases."""
    generator = torch.Generator().manual_seed(seed)
    declared = TwoStream(depth=depth, width=5, pair_width=4, centred=centred)
    spins = Spins(n_up, n_down, 0.3) if n_down else None
    flow = TwoStreamFlow(declared, dim, LENGTH, generator, spins)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return flow.requires_grad_(False)


def uniform(batch: int, n: int, dim: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return LENGTH * torch.rand(batch, n, dim, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(
    ("depth", "dim", "n_up", "n_down", "centred"),
    [*((*shape, False) for shape in SHAPES), (2, 3, 1, 2, True), (3, 2, 2, 2, True), (2, 2, 3, 0, True)],
)
def test_jac_and_jet_equal_nested_forward_mode(
    depth: int, dim: int, n_up: int, n_down: int, centred: bool
) -> None:
    """The jet with the unit for a metric, and with another."""
    n = n_up + n_down
    flow, x = strong_flow(depth, dim, n_up, n_down, centred=centred), uniform(2, n, dim)
    root = torch.randn(2, n * dim, n * dim, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    metric = root @ root.mT
    zeta, jacobian = flow.jac(x)

    def single(y: Tensor) -> Tensor:
        return flow(y.view(1, n, dim)).flatten()

    close = {"rtol": 1e-11, "atol": 1e-11}
    _, first, second, third = derivatives(single, x.flatten(1), 3)
    torch.testing.assert_close(jacobian, first, **close)
    for jet, g in (
        (flow.jet(x), torch.eye(n * dim, dtype=torch.float64).expand_as(metric)),
        (flow.jet(x, metric=metric), metric),
    ):
        torch.testing.assert_close(jet.zeta, zeta, **close)
        torch.testing.assert_close(jet.jacobian, first, **close)
        torch.testing.assert_close(jet.hessian, second, **close)
        torch.testing.assert_close(jet.laplacian.flatten(1), torch.einsum("bacm,bcm->ba", second, g), **close)
        torch.testing.assert_close(jet.grad_laplacian, torch.einsum("baclm,bcl->bam", third, g), **close)


@pytest.mark.parametrize(("depth", "centred"), [(1, False), (2, False), (3, False), (2, True)])
def test_a_copy_of_the_parameters_for_every_walker_changes_nothing(depth: int, centred: bool) -> None:
    flow, x = strong_flow(depth, 3, 2, 1, centred=centred).requires_grad_(True), uniform(4, 3, 3)
    zeta, jacobian = flow.jac(x)
    ones = (torch.ones_like(zeta), torch.ones_like(jacobian))
    (rows,) = per_walker_gradients(flow, TwoStreamFlow.jac, [x], lambda *_: [ones])
    expected = torch.autograd.grad([zeta, jacobian], list(flow.parameters()), ones)
    torch.testing.assert_close(rows.sum(0), torch.cat([g.flatten() for g in expected]))
    copies = {name: p.detach().expand(4, *p.shape) for name, p in flow.named_parameters()}
    torch.testing.assert_close(functional_call(flow, copies, (x,)), zeta)


def test_electrons_of_a_spin_keep_their_mean() -> None:
    flow, x = strong_flow(3, 3, 2, 3, centred=True), uniform(4, 5, 3)
    moved = flow(x) - x
    assert moved.abs().max() > 0.1
    for spin in moved.split([2, 3], dim=1):
        torch.testing.assert_close(spin.mean(1), torch.zeros(4, 3, dtype=torch.float64), rtol=0, atol=1e-13)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("centred", [False, True])
def test_permutations_within_each_spin_lattice_vectors_and_translations(seed: int, centred: bool) -> None:
    depth, dim = [(1, 2), (2, 2), (2, 3), (3, 3)][seed]
    flow, x = strong_flow(depth, dim, 2, 3, seed, centred), uniform(1, 5, dim, seed)
    order = [1, 0, 4, 2, 3]
    generator = torch.Generator().manual_seed(seed)
    lattice = LENGTH * torch.randint(-2, 3, x.shape, generator=generator).to(torch.float64)
    torch.testing.assert_close(flow(x[:, order]), flow(x)[:, order])
    torch.testing.assert_close(flow(x + lattice), flow(x) + lattice)
    torch.testing.assert_close(flow(x + 1.7), flow(x) + 1.7)
    across = [2, 1, 0, 3, 4]
    assert not torch.allclose(flow(x[:, across]), flow(x)[:, across])


def test_the_exchange_of_the_spins() -> None:
    """Weights are of equal and of opposite spin, not of up and down."""
    x, exchanged = uniform(2, 5, 2), [3, 4, 0, 1, 2]
    zeta = strong_flow(3, 2, 3, 2)(x)
    torch.testing.assert_close(strong_flow(3, 2, 2, 3)(x[:, exchanged]), zeta[:, exchanged])


def test_it_is_smooth_where_opposite_spins_meet() -> None:
    """J and its slopes on both sides of a contact; with a kink they would jump, as for equal spins."""
    flow, x = strong_flow(2, 2, 2, 1), uniform(1, 3, 2)

    def across(i: int, j: int) -> tuple[Tensor, Tensor]:
        step = torch.zeros_like(x)
        step[0, i] = 1e-7 * torch.tensor([0.6, 0.8])
        at = x.clone()
        at[0, i] = x[0, j]
        sides = [flow.jet(at + sign * step) for sign in (1, -1)]
        return tuple(
            (getattr(sides[0], name) - getattr(sides[1], name)).abs().max()
            for name in ("jacobian", "hessian")
        )

    jumps = across(0, 2)
    assert float(jumps[0]) < 1e-5 and float(jumps[1]) < 1e-5
    assert float(across(0, 1)[0]) > 1e-3


def test_every_parameter_receives_a_gradient() -> None:
    flow, x = strong_flow(3, 2, 2, 2).requires_grad_(True), uniform(2, 4, 2)
    zeta, jacobian = flow.jac(x)
    (zeta.square().sum() + torch.linalg.slogdet(jacobian)[1].sum()).backward()
    assert all(p.grad is not None and bool((p.grad != 0).any()) for p in flow.parameters())
