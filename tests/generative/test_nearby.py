"""Steps in the latent variables of flows: detailed balance in p, and ln p of both ends."""

import math

import pytest
import torch
from judging import agrees
from noise import normal

from vfe_lightning.bijectors.affine import Affine
from vfe_lightning.bijectors.bijector import Bijector, Composed
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
    y, log_prob, before = model.nearby(x, torch.full((SAMPLES,), 0.5).double(), generator(2))
    torch.testing.assert_close(log_prob, model.log_prob(y))
    torch.testing.assert_close(before, model.log_prob(x))
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
    still, _, _ = model.nearby(x, torch.zeros(SAMPLES).double(), generator())
    torch.testing.assert_close(still, x)
    y, _, _ = model.nearby(x, torch.ones(SAMPLES).double(), generator())
    if kind == "flow":
        for part in y.chunk(4):
            assert agrees(part.mean(0)[0], 1 / math.sqrt(len(part)), 0.5)
    z = normal(3, 8, 2)
    one, other = model.nearby(z, torch.full((8,), 1e-3).double(), generator())[0], z
    assert 0 < (one - other).abs().max() < 0.1
