"""Steps in the latent variables of flows: detailed balance in p, and where ln p is known."""

import math

import pytest
import torch
from judging import agrees
from noise import normal

from vfe_lightning.bijectors.affine import Affine
from vfe_lightning.bijectors.bijector import Bijector, Composed
from vfe_lightning.bijectors.continuous import ContinuousFlow
from vfe_lightning.bijectors.equivariant_velocity import Velocity
from vfe_lightning.generative.mirrored import Mirrored
from vfe_lightning.generative.reparameterized import NormalizingFlow, ReparameterizedModel, log_normal

SAMPLES = 20000


class Sheared(Bijector):
    """A banana: (a, b) -> (a, b + a^2 / 2)."""

    def forward(self, z):
        return z + 0.5 * torch.stack([torch.zeros_like(z[:, 0]), z[:, 0].square()], 1), z.new_zeros(len(z))

    def inverse(self, x):
        return x - 0.5 * torch.stack([torch.zeros_like(x[:, 0]), x[:, 0].square()], 1), x.new_zeros(len(x))


def flow():
    return NormalizingFlow(Composed([Sheared(), Affine(shift=0.5)]), (2,))


class Afresh(ReparameterizedModel):
    """Without latent variables."""

    def rsample(self, n_samples, generator=None):
        x = torch.randn(n_samples, 2, generator=generator, dtype=torch.float64)
        return x, log_normal(x)

    def log_prob(self, x):
        return log_normal(x)


MODELS = {"flow": flow, "mirrored": lambda: Mirrored(flow(), torch.neg), "afresh": Afresh}


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", MODELS)
def test_steps_have_detailed_balance_in_p(kind):
    """E[f(x) g(x')] = E[g(x) f(x')] from samples of p."""
    model = MODELS[kind]()
    x = model.sample(SAMPLES, generator())
    y, log_prob = model.nearby(x, torch.full((SAMPLES,), 0.5).double(), generator(2))
    torch.testing.assert_close(log_prob, model.log_prob(y))
    torch.testing.assert_close(model.known(y), model.log_prob(y))
    assert (y != x).any(dim=1).all()
    parts = {"x": lambda x: x[:, 0], "y": lambda x: x[:, 1], "xy": lambda x: x[:, 0] * x[:, 1].square()}
    parts["one"] = lambda x: torch.ones_like(x[:, 0])
    for f in parts.values():
        for g in parts.values():
            odd = f(x) * g(y) - g(x) * f(y)
            assert agrees(odd.mean(), odd.std() / math.sqrt(SAMPLES), 0.0)


@pytest.mark.parametrize("kind", ["flow", "mirrored"])
def test_a_step_of_no_length_stays_and_the_longest_forgets(kind):
    model = MODELS[kind]()
    x = model.sample(4, generator()).repeat_interleave(SAMPLES // 4, 0)
    still, _ = model.nearby(x, torch.zeros(SAMPLES).double(), generator())
    torch.testing.assert_close(still, x)
    y, _ = model.nearby(x, torch.ones(SAMPLES).double(), generator())
    if kind == "flow":
        for part in y.chunk(4):
            assert agrees(part.mean(0)[0], 1 / math.sqrt(len(part)), 0.5)
    z = normal(3, 8, 2)
    one, other = model.nearby(z, torch.full((8,), 1e-3).double(), generator())[0], z
    assert 0 < (one - other).abs().max() < 0.1


class Kick(Velocity):
    """So strong a force at a wall that few steps of an integration miss it on the way back."""

    def forward(self, x, t):
        assert isinstance(x, torch.Tensor)
        slope = 8 * torch.sigmoid(40 * (x - 3))
        return slope, (40 * slope * (1 - slope / 8)).sum(dim=(1, 2))


@pytest.mark.parametrize("mirrored", [False, True])
def test_where_the_way_back_does_not_lead_forth_again_ln_p_is_not_known(mirrored):
    flow = NormalizingFlow(ContinuousFlow(Kick(), steps=2), (2, 1))
    model = Mirrored(flow, torch.neg) if mirrored else flow
    near = 0.5 * normal(1, 200, 2, 1)
    torch.testing.assert_close(model.known(near), model.log_prob(near))
    far = near + 4.0
    returns = ((flow.bijector(flow.bijector.inverse(far)[0])[0] - far).flatten(1).norm(dim=1)) <= 0.1
    assert not returns.all() and flow.log_prob(far).isfinite().all()
    assert torch.equal(flow.known(far).isfinite(), returns)
    assert not model.known(far)[~returns].isfinite().any()
    y, log_prob = model.nearby(near, torch.full((200,), 0.3).double(), generator())
    known = log_prob.isfinite()
    torch.testing.assert_close(log_prob[known], model.log_prob(y)[known], rtol=0.05, atol=0.05)
