"""Models of q colours by enumeration: normalised, sampled as they say, their scores right."""

from functools import partial

import pytest
import torch
from judging import follows
from parts import dense, pixel_cnn
from spins import randomize, scores_by_autograd

from vfe_lightning.generative.model import GenerativeModel
from vfe_lightning.generative.symbols import SPINS, Colours, Spins
from vfe_lightning.generative.symmetrized import Symmetrized
from vfe_lightning.hamiltonians.potts import cycled

Q, N = 3, 4
COLOURS = Colours(Q)
MODELS = {
    "logistic": lambda: dense(N, COLOURS, depth=1, width=1),
    "MADE": lambda: dense(N, COLOURS, depth=3, width=2),
    "PixelCNN": lambda: pixel_cnn(2, COLOURS, depth=3, width=4, reach=1),
    "symmetrized MADE": lambda: symmetrized(dense(N, COLOURS, depth=2, width=3)),
    "symmetrized PixelCNN": lambda: symmetrized(pixel_cnn(2, COLOURS, depth=2, width=3, reach=1)),
}
ALL = torch.cartesian_prod(*[torch.arange(Q).double()] * N)


def symmetrized(model: GenerativeModel) -> Symmetrized:
    return Symmetrized(model, partial(cycled, q=Q), Q)


@pytest.fixture(params=list(MODELS))
def model(request) -> GenerativeModel:
    model = MODELS[request.param]()
    randomize(model)
    return model


def test_normalised_by_enumeration(model):
    with torch.no_grad():
        assert model.log_prob(ALL).exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_samples_follow_p(model):
    count = 50_000
    x = model.sample(count, torch.Generator().manual_seed(2))
    assert x.dtype == torch.float64 and x.shape == (count, N) and x.max() < Q and torch.equal(x, x.round())
    place = Q ** torch.arange(N - 1, -1, -1)
    observed = torch.bincount(x.long() @ place, minlength=Q**N)
    with torch.no_grad():
        assert follows(observed, count * model.log_prob(ALL).exp())


def test_scores_are_the_derivatives_of_every_sample(model):
    x = ALL[::9]
    expected = scores_by_autograd(model, x)
    torch.testing.assert_close(model.scores(x), expected, rtol=1e-11, atol=1e-12)


def test_every_parameter_receives_a_gradient(model):
    assert model.scores(ALL).abs().amax(dim=0).min() > 0


@pytest.mark.parametrize("name", [name for name in MODELS if "symmetrized" in name])
def test_colours_are_alike(name):
    model = MODELS[name]()
    randomize(model)
    with torch.no_grad():
        for k in range(Q):
            torch.testing.assert_close(model.log_prob(cycled(ALL, k, Q)), model.log_prob(ALL))


@pytest.mark.parametrize("name", MODELS)
def test_training_starts_near_infinite_temperature(name):
    torch.manual_seed(0)
    with torch.no_grad():
        log_p = MODELS[name]().log_prob(ALL)
    assert (log_p + N * torch.tensor(float(Q)).log()).abs().max() < 0.5


@pytest.mark.parametrize("symbols", [SPINS, COLOURS, Colours(7)], ids=["spins", "3", "7"])
def test_features_are_centred_and_of_order_one(symbols):
    values = [-1.0, 1.0] if isinstance(symbols, Spins) else range(symbols.logits)
    encoded = symbols.encode(torch.tensor(list(values), dtype=torch.float64)[None])[0]
    torch.testing.assert_close(encoded.mean(dim=1), torch.zeros(symbols.features, dtype=torch.float64))
    assert 0.5 < encoded.square().mean() <= 1 + 1e-12


def test_two_colours_have_the_probabilities_of_spins():
    """Their logits differ by that of the spin, and the coin falls on the same side of the same chance."""
    logit = torch.linspace(-5, 5, 11, dtype=torch.float64)
    both = torch.stack([torch.zeros_like(logit), logit])
    s = torch.tensor([[-1.0], [1.0]], dtype=torch.float64).expand(2, 11)
    for spins, colours in zip(s, (s + 1) / 2, strict=True):
        torch.testing.assert_close(
            Colours(2).log_prob(colours[None], both[None]), SPINS.log_prob(spins[None], logit[None, None])
        )
    chance = torch.full_like(logit, 0.3)
    up = SPINS.draw(logit[None], 1 - chance) > 0
    assert torch.equal(Colours(2).draw(both, chance) > 0, up)
