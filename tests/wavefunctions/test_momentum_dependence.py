"""Flows that depend on the total momentum of K: derivatives, inverse, and orthonormal states."""

import math

import pytest
import torch
from torch import Tensor
from torch.func import jacfwd

from vfe_lightning.bijectors.inversion import invert
from vfe_lightning.bijectors.two_stream import TwoStreamFlow
from vfe_lightning.declarations.flow import TwoStream
from vfe_lightning.wavefunctions.flow_wavefunction import FlowWavefunction
from vfe_lightning.wavefunctions.kinetic import exact_kinetic, forward_laplacian_kinetic
from vfe_lightning.wavefunctions.slater import SlaterDeterminants

LENGTH = 3.1
UNIT = 2 * math.pi / LENGTH


def conditioned_flow(dim: int, scale: float = 0.2) -> TwoStreamFlow:
    generator = torch.Generator().manual_seed(1)
    flow = TwoStreamFlow(
        TwoStream(depth=2, width=5, pair_width=4, momentum_dependent=True), dim, LENGTH, generator
    )
    with torch.no_grad():
        for p in flow.parameters():
            p.copy_(scale * torch.randn(p.shape, generator=generator, dtype=torch.float64))
        flow.conditioner.weight.mul_(5)
    return flow


def states(dim: int) -> Tensor:
    """Three K of two electrons, the first two with equal total momentum: (3, 2, dim)."""
    integer = torch.tensor([[[0, 0], [1, 1]], [[1, 0], [0, 1]], [[0, 0], [1, 0]]])
    k = torch.zeros(3, 2, dim, dtype=torch.float64)
    k[..., :2] = integer
    return UNIT * (k + 0.25)


def uniform(batch: int, n: int, dim: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return LENGTH * torch.rand(batch, n, dim, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("dim", [2, 3])
def test_each_walker_has_the_flow_of_its_momentum(dim: int) -> None:
    flow, momentum, x = conditioned_flow(dim), states(dim).sum(dim=1), uniform(3, 2, dim)
    same = x[:1].expand(3, -1, -1)
    zeta = flow(same, momentum)
    torch.testing.assert_close(zeta[0], zeta[1])
    assert (zeta[0] - zeta[2]).abs().max() > 1e-3
    jet, (_, jacobian) = flow.jet(x, momentum), flow.jac(x, momentum)
    for b in range(3):
        single = lambda y, b=b: flow(y.view(1, 2, dim), momentum[b : b + 1]).flatten()  # noqa: E731
        expected = jacfwd(single)(x[b].flatten())
        torch.testing.assert_close(jacobian[b], expected)
        torch.testing.assert_close(jet.jacobian[b], expected)
        torch.testing.assert_close(jet.hessian[b], jacfwd(jacfwd(single))(x[b].flatten()))


def test_a_shift_of_all_momenta_by_a_grid_vector_changes_nothing() -> None:
    flow, x, k = conditioned_flow(2), uniform(3, 2, 2), states(2)
    shifted = k + UNIT * torch.tensor([1.0, -2.0], dtype=torch.float64)
    torch.testing.assert_close(flow(x, k.sum(dim=1)), flow(x, shifted.sum(dim=1)))


def test_a_forgotten_momentum_is_an_error() -> None:
    with pytest.raises(ValueError, match="total momentum"):
        conditioned_flow(2)(uniform(1, 2, 2))


@pytest.mark.parametrize("dim", [2, 3])
def test_kinetic_energies_scores_and_inverse(dim: int) -> None:
    flow, k, x = conditioned_flow(dim), states(dim), uniform(3, 2, dim)
    psi, base = FlowWavefunction(flow), SlaterDeterminants(k, LENGTH)
    exact, forward = exact_kinetic(flow, base, x), forward_laplacian_kinetic(flow, base, x)
    torch.testing.assert_close(exact.energy, forward.energy, rtol=1e-10, atol=1e-10)
    scores = psi.scores(base, x)
    for b in range(3):
        value = psi.log_psi(base[b : b + 1], x[b : b + 1])[0]
        for part, column in ((value.real, scores[b].real), (value.imag, scores[b].imag)):
            gradients = torch.autograd.grad(
                part, list(psi.parameters()), retain_graph=True, allow_unused=True, materialize_grads=True
            )
            torch.testing.assert_close(column, torch.cat([g.flatten() for g in gradients]))
    momentum = k.sum(dim=1)
    inverse = invert(flow, flow(x, momentum).detach(), momentum=momentum)
    torch.testing.assert_close(inverse.x, x, rtol=0, atol=1e-10)


def test_states_are_orthonormal() -> None:
    """By quadrature over all positions of two electrons in two dimensions, (16^4 points)."""
    points = 16
    axis = LENGTH * torch.arange(points, dtype=torch.float64) / points
    x = torch.cartesian_prod(*[axis] * 4).view(-1, 2, 2)
    x[:, 1] += LENGTH / (2 * points)  # keeps the electrons apart
    psi = FlowWavefunction(conditioned_flow(2))
    with torch.no_grad():
        bases = [SlaterDeterminants(k.expand(len(x), -1, -1), LENGTH) for k in states(2)]
        values = torch.stack([psi.log_psi(base, x).exp() for base in bases])
    overlap = values.conj() @ values.T * (LENGTH / points) ** 4
    torch.testing.assert_close(overlap, torch.eye(3, dtype=overlap.dtype), rtol=0, atol=2e-3)
