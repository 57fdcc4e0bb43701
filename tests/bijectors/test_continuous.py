"""The continuous flow: symmetries, divergence, forward Laplacian, per-walker gradients against autograd."""

import math

import pytest
import torch
from torch import Tensor
from torch.func import jacrev
from towers import derivatives

from vfe_lightning.bijectors.breathing import Breathing
from vfe_lightning.bijectors.continuous import ContinuousFlow
from vfe_lightning.bijectors.cusp import Cusp
from vfe_lightning.bijectors.equivariant_velocity import velocity_of
from vfe_lightning.calculus.per_walker import per_walker_gradients
from vfe_lightning.declarations import MessagePassing, PairVelocity
from vfe_lightning.errors import NotInvertible

VELOCITIES = [PairVelocity(width=5), MessagePassing(width=5, messages=2)]
SPINS = [(1, 1), (3, 0), (2, 2)]
every_velocity = pytest.mark.parametrize("declaration", VELOCITIES, ids=lambda d: d.kind)
every_dot = pytest.mark.parametrize("spins", SPINS, ids=str)
close = {"rtol": 1e-10, "atol": 1e-11}


def flow_of(
    declaration, spins: tuple[int, int], steps: int = 3, scale: float = 0.1, smooth: float = 0.0, last=None
) -> ContinuousFlow:
    torch.manual_seed(0)
    velocity = velocity_of(declaration, *spins, smooth=smooth)
    with torch.no_grad():
        for p in velocity.parameters():
            p += scale * torch.randn_like(p)
    return ContinuousFlow(velocity, steps, 1.0, Breathing(1.2), last).requires_grad_(False)


def points(batch: int, n: int, seed: int = 1) -> Tensor:
    return torch.randn(batch, n, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@every_velocity
@every_dot
def test_the_divergence_is_the_trace_of_the_jacobian(declaration, spins) -> None:
    n = sum(spins)
    velocity, x = flow_of(declaration, spins).velocity, points(1, n)
    jacobian = jacrev(lambda y: velocity(y.view(1, n, 2).mT, 0.3)[0].mT.flatten())(x.flatten())
    torch.testing.assert_close(velocity(x.mT, 0.3)[1][0], torch.trace(jacobian), **close)


@every_velocity
@every_dot
def test_the_jet_equals_nested_autograd(declaration, spins) -> None:
    """With the cusp of opposite spins where there are both."""
    n = sum(spins)
    last, smooth = (Cusp(*spins, 1.5), 0.2) if spins[1] else (None, 0.0)
    flow, x = flow_of(declaration, spins, smooth=smooth, last=last), points(2, n)
    jet = flow.jet(x)
    zeta, log_det = flow.pull_back(x)
    torch.testing.assert_close(jet.zeta, zeta, **close)
    torch.testing.assert_close(jet.log_det, log_det, **close)

    def both(y: Tensor) -> Tensor:
        zeta, log_det = flow.pull_back(y.view(1, n, 2))
        return torch.cat([zeta.flatten(), log_det])

    _, first, second = derivatives(both, x.flatten(1), 2)
    laplacian = torch.einsum("bacc->ba", second)
    torch.testing.assert_close(jet.jacobian, first[:, :-1], **close)
    torch.testing.assert_close(jet.log_det_gradient.flatten(1), first[:, -1], **close)
    torch.testing.assert_close(jet.laplacian.flatten(1), laplacian[:, :-1], **close)
    torch.testing.assert_close(jet.log_det_laplacian, laplacian[:, -1], **close)


@every_velocity
@every_dot
def test_the_flow_commutes_with_the_symmetries_of_the_dot(declaration, spins) -> None:
    n_up, n_down = spins
    n = n_up + n_down
    flow, x = flow_of(declaration, spins), points(4, n)
    zeta, log_det = flow.pull_back(x)
    order = [*reversed(range(n_up)), *(n_up + k for k in reversed(range(n_down)))]
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=torch.float64)
    mirror = torch.tensor([[1.0, 0.0], [0.0, -1.0]], dtype=torch.float64)
    shift = torch.tensor([0.7, -1.3], dtype=torch.float64)
    for y, expected in [
        (x[:, order], zeta[:, order]),
        (x @ turn, zeta @ turn),
        (x @ mirror, zeta @ mirror),
        (x + shift, zeta + shift),
    ]:
        found, same = flow.pull_back(y)
        torch.testing.assert_close(found, expected, **close)
        torch.testing.assert_close(same, log_det, **close)
    torch.testing.assert_close(zeta.mean(1), x.mean(1), **close)


@every_velocity
def test_the_inverse_and_the_determinant_converge_as_the_fourth_power_of_the_step(declaration) -> None:
    z = points(32, 3)
    residuals, errors = [], []
    for steps in (8, 16, 32):
        flow = flow_of(declaration, (3, 0), steps, scale=0.03)  # all of the points are in the limit
        x, residual = flow.invert(z)
        zeta, log_det = flow.pull_back(x)
        jacobian = flow.jet(x).jacobian
        y, forth = flow.forward(z)
        torch.testing.assert_close(y, flow.generate(z), **close)
        torch.testing.assert_close(forth, -flow.pull_back(y)[1], rtol=1e-2, atol=1e-2)
        residuals.append(float(residual.max()))
        errors.append(float((torch.linalg.slogdet(jacobian)[1] - log_det).abs().max()))
        assert float((zeta - z).abs().max()) < 0.1 * residuals[-1] + 1e-12
    for fall in (residuals, errors):
        assert fall[1] < fall[0] / 4 and fall[2] < fall[0] / 64
    assert residuals[2] < 1e-5


@every_velocity
def test_a_new_flow_is_the_identity_and_every_parameter_receives_a_gradient(declaration) -> None:
    torch.manual_seed(0)
    flow, x = ContinuousFlow(velocity_of(declaration, 2, 2), 2), points(3, 4)
    zeta, log_det = flow.pull_back(x)
    assert torch.equal(zeta, x) and not log_det.any()
    moved = flow_of(declaration, (2, 2), 2).requires_grad_(True)
    zeta, log_det = moved.pull_back(x)
    (zeta.sin().sum() + log_det.sum()).backward()
    assert all(p.grad is not None and bool((p.grad != 0).any()) for p in moved.parameters())


def test_a_breathing_stretches_the_distances_from_the_centre_alone() -> None:
    flow, z = (
        ContinuousFlow(velocity_of(PairVelocity(width=5), 3, 0), 2, breathing=Breathing(1.7)),
        points(4, 3),
    )
    x, log_det = flow.forward(z)
    torch.testing.assert_close(x.mean(1), z.mean(1))
    torch.testing.assert_close(x - x.mean(1, keepdim=True), 1.7 * (z - z.mean(1, keepdim=True)))
    torch.testing.assert_close(log_det, torch.full_like(log_det, 4 * math.log(1.7)))


@pytest.mark.parametrize("slope", [0.3, 1.0, 5.0])
def test_the_cusp_of_opposite_spins_stays_exact(slope: float) -> None:
    """Differences of ln |det dz/dx|^(1/2) where two electrons meet, whatever smooth flow comes before."""
    cusp = Cusp(1, 1, slope)
    flow = flow_of(PairVelocity(width=5), (1, 1), last=cusp, smooth=0.3)
    r = torch.tensor([[1e-4], [2e-4]], dtype=torch.float64)
    x = torch.stack([r, -r], dim=1) * torch.tensor([0.3, 0.4], dtype=torch.float64)
    log_det = flow.pull_back(x)[1]
    assert 0.5 * float(log_det.diff()) / 1e-4 == pytest.approx(slope, rel=3e-3)


@every_velocity
def test_per_walker_gradients_equal_those_of_single_walkers(declaration) -> None:
    flow, x = flow_of(declaration, (2, 1), 2).requires_grad_(True), points(3, 3)
    weight = points(3, 3, seed=2)

    def cotangents(zeta: Tensor, log_det: Tensor) -> list[tuple[Tensor, Tensor]]:
        return [(weight, torch.full_like(log_det, 0.5))]

    (found,) = per_walker_gradients(flow, ContinuousFlow.pull_back, [x], cotangents)
    for b in range(3):
        zeta, log_det = flow.pull_back(x[b : b + 1])
        value = (zeta * weight[b]).sum() + 0.5 * log_det.sum()
        single = torch.autograd.grad(value, list(flow.parameters()))
        torch.testing.assert_close(found[b], torch.cat([g.flatten() for g in single]), **close)


def test_too_few_steps_are_refused() -> None:
    flow = flow_of(PairVelocity(width=5), (3, 0), steps=1, scale=0.6)
    flow.tolerance = 1e-3
    with pytest.raises(NotInvertible, match="steps"):
        flow.invert(points(50, 3))


def test_spins_are_told_apart() -> None:
    flow, x = flow_of(PairVelocity(width=5), (2, 2)), points(2, 4)
    exchanged = [2, 1, 0, 3]  # an up and a down electron
    assert not torch.allclose(flow.pull_back(x[:, exchanged])[0], flow.pull_back(x)[0][:, exchanged])
