"""ln Psi, its scores and its local kinetic energy: eigenstates, autograd, and agreement of three methods."""

import contextlib
import math

import pytest
import torch
from torch import Tensor

from vfe_lightning.bijectors.two_stream import TwoStreamFlow
from vfe_lightning.declarations.flow import TwoStream
from vfe_lightning.wavefunctions.flow_wavefunction import FlowWavefunction
from vfe_lightning.wavefunctions.kinetic import (
    exact_kinetic,
    forward_laplacian_kinetic,
    hutchinson_kinetic,
)
from vfe_lightning.wavefunctions.slater import SlaterDeterminants

LENGTH = 3.0
CONTEXTS = [contextlib.nullcontext, torch.no_grad, torch.inference_mode]


def problem(n: int = 4, dim: int = 2, depth: int = 2, scale: float = 0.4, batch: int = 5):
    generator = torch.Generator().manual_seed(n)
    flow = TwoStreamFlow(
        TwoStream(depth=depth, width=6, pair_width=5, init_scale=scale), dim, LENGTH, generator
    )
    x = LENGTH * torch.rand(batch, n, dim, generator=generator, dtype=torch.float64)
    table = torch.cartesian_prod(*[torch.arange(-1.0, 2.0, dtype=torch.float64)] * dim) + 0.25
    chosen = torch.stack([torch.randperm(len(table), generator=generator)[:n] for _ in range(batch)])
    return flow, SlaterDeterminants(2 * math.pi / LENGTH * table[chosen], LENGTH), x


@pytest.mark.parametrize("context", CONTEXTS)
def test_plane_waves_are_eigenstates_without_a_flow(context) -> None:
    flow, states, x = problem(n=5, scale=0.0)
    expected = states.k.square().sum((1, 2)).to(torch.complex128)
    with context():
        for kinetic in (exact_kinetic, forward_laplacian_kinetic):
            torch.testing.assert_close(kinetic(flow, states, x).energy, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("n", "dim", "depth", "contexts"),
    [(1, 2, 2, 1), (2, 3, 2, 1), (4, 2, 1, 1), (4, 2, 2, len(CONTEXTS)), (3, 3, 3, 1)],
)
def test_three_ways_to_the_kinetic_energy_agree_in_every_context(
    n: int, dim: int, depth: int, contexts: int
) -> None:
    flow, states, x = problem(n, dim, depth)
    size = n * dim
    orthogonal = math.sqrt(size) * torch.linalg.qr(torch.randn(size, size, dtype=torch.float64))[0]
    directions = orthogonal.view(size, 1, n, dim).expand(-1, len(x), -1, -1)
    exact = exact_kinetic(flow, states, x, chunk_size=3)
    for context in CONTEXTS[:contexts]:
        with context():
            again = exact_kinetic(flow, states, x)
            forward = forward_laplacian_kinetic(flow, states, x, chunk_size=2)
            probed = hutchinson_kinetic(flow, states, x, directions)
        for other in (again, forward, probed):
            for mine, theirs in zip(exact, other, strict=True):
                torch.testing.assert_close(theirs, mine, rtol=1e-10, atol=1e-10)


def test_exact_kinetic_equals_finite_differences_of_psi() -> None:
    flow, states, x = problem(batch=1)
    psi = FlowWavefunction(flow)
    step = 1e-3
    shifts = step * torch.eye(8, dtype=torch.float64).view(8, 4, 2)
    with torch.no_grad():
        centre = psi.log_psi(states, x)

        def ratio(y: Tensor) -> Tensor:
            return torch.exp(psi.log_psi(states[torch.zeros(8, dtype=torch.long)], y) - centre)

        near, far = (ratio(x + m * shifts) + ratio(x - m * shifts) - 2 for m in (1, 2))
    fourth_order = -((16 * near - far) / 12).sum() / step**2
    torch.testing.assert_close(exact_kinetic(flow, states, x).energy[0], fourth_order, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("depth", [1, 3])  # of others, see the list of all wavefunctions
def test_scores_equal_one_autograd_gradient_a_walker(depth: int) -> None:
    flow, states, x = problem(depth=depth)
    psi = FlowWavefunction(flow)
    scores = psi.scores(states, x, chunk_size=2)
    for b in range(len(x)):
        log_psi = psi.log_psi(states[b : b + 1], x[b : b + 1])[0]
        for part, found in ((log_psi.real, scores[b].real), (log_psi.imag, scores[b].imag)):
            gradients = torch.autograd.grad(
                part, list(psi.parameters()), retain_graph=True, allow_unused=True, materialize_grads=True
            )
            torch.testing.assert_close(found, torch.cat([g.flatten() for g in gradients]))


def test_sign_of_the_jacobian_is_reported() -> None:
    flow, states, x = problem(scale=3.0, batch=64)
    log_psi, sign = FlowWavefunction(flow).log_psi_and_sign(states, x)
    expected = torch.sign(torch.linalg.det(flow.jac(x)[1]))
    assert torch.equal(sign, expected)
    assert set(sign.tolist()) == {-1.0, 1.0}
    assert torch.equal(exact_kinetic(flow, states, x).sign, sign)
    torch.testing.assert_close(exact_kinetic(flow, states, x).log_psi, log_psi)
