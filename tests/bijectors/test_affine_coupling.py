"""Couplings and scales: inverses, Jacobians, gradients, symmetries."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from noise import normal, stirred
from torch.func import jacrev

from vfe_lightning.bijectors.affine_coupling import affine_couplings, moved_in_turn
from vfe_lightning.bijectors.bijector import Composed
from vfe_lightning.bijectors.centred_scale import CentredScale
from vfe_lightning.bijectors.continuous import ContinuousFlow
from vfe_lightning.bijectors.equivariant_velocity import velocity_of
from vfe_lightning.bijectors.one_body import OneBodySplines
from vfe_lightning.declarations import MessagePassing, PairVelocity
from vfe_lightning.generative.mirrored import Mirrored
from vfe_lightning.generative.reparameterized import NormalizingFlow


def trap_flow(n, dim, kind=PairVelocity, steps=10, scale=0.1):
    torch.manual_seed(0)
    velocity = stirred(velocity_of(kind(width=6), n, 0, dim), scale)
    return Composed([CentredScale(1.3, 0.4), ContinuousFlow(velocity, steps)])


def splines_around_a_molecule():
    shifts = torch.tensor([[-0.2, 0.1], [0.3, 0.0]], dtype=torch.float64)
    return stirred(OneBodySplines(shifts, normal(4, 20, 2, 2), 2.0, 3, 8, 4))


BIJECTORS = {
    "couplings of a plane": (lambda: stirred(affine_couplings(2, 4, 8)), (2,)),
    "couplings of two atoms": (lambda: stirred(affine_couplings(4, 6, 8)), (2, 2)),
    "couplings of five coordinates": (lambda: stirred(affine_couplings(5, 7, 8)), (5,)),
    "centred scale": (lambda: CentredScale(1.3, 0.4), (3, 2)),
    "splines around a molecule": (splines_around_a_molecule, (5, 2)),
}


@pytest.mark.parametrize("name", BIJECTORS)
def test_inverse_and_jacobian(name):
    make, shape = BIJECTORS[name]
    bijector, z = make(), normal(0, 3, *shape)
    x, log_det = bijector(z)
    back, minus = bijector.inverse(x)
    torch.testing.assert_close(back, z, rtol=0, atol=1e-11)
    torch.testing.assert_close(minus, -log_det, rtol=0, atol=1e-11)
    size = z[0].numel()
    for b in range(3):
        jacobian = jacrev(lambda y: bijector(y.view(1, *shape))[0].flatten())(z[b].flatten())
        assert jacobian.shape == (size, size)
        torch.testing.assert_close(torch.linalg.slogdet(jacobian)[1], log_det[b], rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", BIJECTORS)
def test_every_parameter_receives_a_gradient(name):
    make, shape = BIJECTORS[name]
    bijector = make()
    x, log_det = bijector(normal(1, 20, *shape))
    (x.square().sum() + log_det.square().sum()).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in bijector.parameters())


@pytest.mark.parametrize("coordinates", [2, 3, 4, 5, 8, 30])
def test_all_coordinates_move_and_meet(coordinates):
    bits = max((coordinates - 1).bit_length(), 1)
    masks = torch.stack([moved_in_turn(k, coordinates) for k in range(2 * bits)])
    assert masks.any(0).all() and (~masks).any(0).all()
    assert (masks.any(1) & (~masks).any(1)).all()
    apart = (masks[:, :, None] & ~masks[:, None, :]).any(0)
    assert (apart | torch.eye(coordinates, dtype=torch.bool)).all()


@pytest.mark.parametrize("kind", [PairVelocity, MessagePassing])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_divergences_of_particles_in_any_dimension(kind, dim):
    velocity = trap_flow(4, dim, kind).parts[1].velocity
    x = normal(2, 1, 4, dim)
    jacobian = jacrev(lambda y: velocity(y.view(1, 4, dim).mT, 0.3)[0].mT.flatten())(x.flatten())
    torch.testing.assert_close(velocity(x.mT, 0.3)[1][0], torch.trace(jacobian), rtol=1e-10, atol=1e-10)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), dim=st.sampled_from([2, 3]))
def test_densities_of_particles_are_invariant(seed, dim):
    """Samples turn and permute with the normal variables, and ln p stays, to 1e-10."""
    flow = NormalizingFlow(trap_flow(5, dim, steps=4), (5, dim))
    z = normal(seed, 3, 5, dim)
    rotation = torch.linalg.qr(normal(seed + 1, dim, dim))[0]
    order = torch.randperm(5, generator=torch.Generator().manual_seed(seed))
    x, log_det = flow.bijector(z)
    y, same = flow.bijector(z[:, order] @ rotation)
    torch.testing.assert_close(y, x[:, order] @ rotation, rtol=0, atol=1e-10)
    torch.testing.assert_close(same, log_det, rtol=0, atol=1e-10)
    torch.testing.assert_close(flow.log_prob(x[:, order] @ rotation), flow.log_prob(x), rtol=0, atol=1e-10)


def test_runge_kutta_converges_with_the_fourth_power():
    """ln p of the samples against fine steps; and the determinant of the map itself, at eight steps."""
    z = normal(3, 6, 4, 2)
    exact = trap_flow(4, 2, steps=128, scale=0.05)(z)[1]
    errors = [(trap_flow(4, 2, steps=s, scale=0.05)(z)[1] - exact).abs().max().item() for s in (8, 16)]
    assert 8 < errors[0] / errors[1] < 32
    fine = trap_flow(4, 2, steps=32, scale=0.05)
    jacobian = jacrev(lambda y: fine(y.view(1, 4, 2))[0].flatten())(z[0].flatten())
    torch.testing.assert_close(torch.linalg.slogdet(jacobian)[1], fine(z)[1][0], rtol=0, atol=1e-5)


def test_a_mirrored_flow_is_even_and_normalised():
    torch.manual_seed(0)
    flow = Mirrored(NormalizingFlow(stirred(affine_couplings(2, 4, 8), 0.1), (2,)), lambda x: -x)
    x, log_prob = flow.rsample(500, torch.Generator().manual_seed(1))
    torch.testing.assert_close(flow.log_prob(x), log_prob, rtol=0, atol=1e-10)
    torch.testing.assert_close(flow.log_prob(-x), log_prob, rtol=0, atol=1e-10)
    line = torch.linspace(-12, 12, 400, dtype=torch.float64)
    grid = torch.cartesian_prod(line, line)
    total = flow.log_prob(grid).logsumexp(0).exp() * (line[1] - line[0]) ** 2
    assert total.item() == pytest.approx(1, abs=1e-3)
