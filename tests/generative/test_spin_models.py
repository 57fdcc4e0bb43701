"""Models of p(s) by enumeration: normalised, sampled as they say, their scores right."""

import pytest
import torch
from judging import follows
from parts import dense, pixel_cnn
from spins import all_spins, randomize, scores_by_autograd
from torch import Tensor

from vfe_lightning.generative.bernoulli import BernoulliProduct
from vfe_lightning.generative.masked_convolution import MaskedConvolution
from vfe_lightning.generative.model import GenerativeModel
from vfe_lightning.generative.symmetrized import Symmetrized

N = 9
MODELS = {
    "Bernoulli": lambda: BernoulliProduct(N),
    "logistic": lambda: dense(N, depth=1, width=1, bias=False),
    "MADE": lambda: dense(N, depth=2, width=3),
    "deep MADE": lambda: dense(N, depth=4, width=2),
    "PixelCNN": lambda: pixel_cnn(3, depth=2, width=3, reach=1),
    "deep PixelCNN": lambda: pixel_cnn(3, depth=4, width=2, reach=3),
    "narrow PixelCNN": lambda: pixel_cnn(3, depth=3, width=1, reach=2),
    "symmetrized Bernoulli": lambda: Symmetrized(BernoulliProduct(N)),
    "symmetrized MADE": lambda: Symmetrized(dense(N, depth=2, width=2)),
    "symmetrized PixelCNN": lambda: Symmetrized(pixel_cnn(3, depth=3, width=2, reach=1)),
}
CACHED = [name for name in MODELS if "symmetrized" not in name]


@pytest.fixture(params=list(MODELS))
def model(request) -> GenerativeModel:
    model = MODELS[request.param]()
    randomize(model)
    return model


def test_normalised_by_enumeration(model):
    with torch.no_grad():
        assert model.log_prob(all_spins(N)).exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_samples_follow_p(model):
    count = 100_000
    s = model.sample(count, torch.Generator().manual_seed(2))
    assert s.dtype == torch.float64 and s.abs().eq(1).all() and s.shape == (count, N)
    index = ((s + 1) / 2) @ 2.0 ** torch.arange(N, dtype=s.dtype)
    observed = torch.bincount(index.long(), minlength=2**N)
    with torch.no_grad():
        expected = count * model.log_prob(all_spins(N)).exp()
    assert follows(observed, expected)


def test_scores_are_the_derivatives_of_every_sample(model):
    x = all_spins(N)[::50]
    expected = scores_by_autograd(model, x)
    torch.testing.assert_close(model.scores(x), expected, rtol=1e-11, atol=1e-12)


def test_scores_without_autograd_around_them(model):
    x = all_spins(N)[:3]
    expected = model.scores(x)
    with torch.inference_mode():
        torch.testing.assert_close(model.scores(model.sample(3) * 0 + x), expected)


def test_scores_average_to_zero(model):
    """The exact mean of d ln p over p."""
    x = all_spins(N)
    with torch.no_grad():
        p = model.log_prob(x).exp()
    mean = p @ model.scores(x)
    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-12)


def test_every_parameter_receives_a_gradient(model):
    """No masked entry is stored that training could never move."""
    assert model.scores(all_spins(N)).abs().amax(dim=0).min() > 0


@pytest.mark.parametrize("name", CACHED)
def test_a_site_sees_only_the_sites_before_it(name):
    model = MODELS[name]()
    randomize(model)
    x = all_spins(N)[torch.randperm(2**N, generator=torch.Generator().manual_seed(0))[:20]]

    def conditionals(s: Tensor) -> Tensor:
        """ln p(s_i | s_1 ... s_i-1), by summing over all later spins: (batch, sites)."""
        everything = all_spins(N)
        p = model.log_prob(everything).exp()
        marginals = [torch.ones(len(s), dtype=s.dtype)]
        for i in range(1, N + 1):
            same = (everything[None, :, :i] == s[:, None, :i]).all(dim=2)
            marginals.append((same * p).sum(dim=1))
        stacked = torch.stack(marginals, dim=1)
        return (stacked[:, 1:] / stacked[:, :-1]).log()

    with torch.no_grad():
        torch.testing.assert_close(conditionals(x).sum(dim=1), model.log_prob(x))
        for i in range(N):  # a later flip leaves the conditionals of the earlier sites alone
            flipped = x.clone()
            flipped[:, i:] *= -1
            torch.testing.assert_close(conditionals(flipped)[:, :i], conditionals(x)[:, :i])


@pytest.mark.parametrize("name", [name for name in MODELS if "symmetrized" in name or name == "logistic"])
def test_even_models_are_even(name):
    model = MODELS[name]()
    randomize(model)
    x = all_spins(N)
    torch.testing.assert_close(model.log_prob(x), model.log_prob(-x))


@pytest.mark.parametrize("name", MODELS)
def test_training_starts_near_infinite_temperature(name):
    torch.manual_seed(0)
    with torch.no_grad():
        log_p = MODELS[name]().log_prob(all_spins(N))
    assert (log_p + N * torch.tensor(2.0).log()).abs().max() < 0.5


@pytest.mark.parametrize("kind", ["MADE", "PixelCNN"])
def test_single_precision_is_the_same_model(kind):
    """Parameters, ln p and samples stay in float64; only the arithmetic of the network is shorter."""
    make = {
        "MADE": lambda p: dense(16, depth=3, width=4, precision=p),
        "PixelCNN": lambda p: pixel_cnn(4, depth=3, width=4, reach=2, precision=p),
    }[kind]
    double, single = make("double"), make("single")
    randomize(double)
    single.load_state_dict(double.state_dict())
    x = single.sample(64, torch.Generator().manual_seed(0))
    other = double.sample(64, torch.Generator().manual_seed(0))
    assert (x != other).any(dim=1).sum() <= 3  # coins so close to p that rounding decides: one in a million
    log_p = single.log_prob(x)
    assert log_p.dtype == x.dtype == torch.float64
    torch.testing.assert_close(log_p, double.log_prob(x), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(single.scores(x), double.scores(x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("sites", "batch"), [(5, 3), (40, 2)])
def test_products_that_skip_zeros_are_products(sites, batch):
    """Across and within the bands of sites that are multiplied at once."""
    model = dense(sites, depth=3, width=2)
    randomize(model)
    x = model.sample(batch, torch.Generator().manual_seed(0))
    h = x.mT
    for i, layer in enumerate(model._layers):
        h = layer.matrix() @ (torch.nn.functional.silu(h) if i else h) + layer.bias[:, None]
    torch.testing.assert_close(torch.nn.functional.logsigmoid(x.mT * h).sum(dim=0), model.log_prob(x))


@pytest.mark.parametrize("strict", [True, False])
def test_masked_convolution_is_a_convolution(strict):
    """torch's own, with the kernel put together from the stored taps, and its derivatives."""
    L, n_in, n_out, reach, batch = 5, 2, 3, 2, 4
    layer = MaskedConvolution(L, n_in, n_out, reach, strict=strict)
    randomize(layer)
    x = torch.randn(L, L, n_in, batch, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def by_torch(above: Tensor, left: Tensor, x: Tensor) -> Tensor:
        rows = above.unflatten(2, (2 * reach + 1, n_in)).permute(1, 3, 0, 2)
        last = left.unflatten(1, (-1, n_in)).permute(0, 2, 1)[:, :, None]
        last = torch.nn.functional.pad(last, (0, 2 * reach + 1 - last.shape[-1]))
        padded = torch.nn.functional.pad(x.permute(3, 2, 0, 1), (reach, reach, reach, 0))
        y = torch.nn.functional.conv2d(padded, torch.cat([rows, last], dim=2))
        return y.permute(2, 3, 1, 0) + layer.bias

    inputs = [layer.above, layer.left, x.requires_grad_()]
    weight = torch.randn(L, L, n_out, batch, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ours, theirs = layer(x), by_torch(*inputs)
    torch.testing.assert_close(ours, theirs)
    for a, b in zip(
        torch.autograd.grad(ours, inputs, weight), torch.autograd.grad(theirs, inputs, weight), strict=True
    ):
        torch.testing.assert_close(a, b)
