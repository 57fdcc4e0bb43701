"""p(K): normalised, sampled as it says, its scores right, and exactly the ideal gas before training."""

import itertools
import math
from functools import cache

import pytest
import torch
from judging import agrees, follows
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.generative.causal_transformer import CausalTransformer
from vfe_lightning.generative.dispersion import Dispersion, stars_of
from vfe_lightning.generative.model import GenerativeModel
from vfe_lightning.generative.occupation import FermiSea, Occupation
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy, plane_waves
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.occupation_model import occupation_model

N, CUTOFF, TWIST = 3, 2, 0.2  # 3 particles on 9 orbitals: 84 states


def declared(occupation: dict, n: int = N, **changes) -> declarations.ElectronGas:
    fields = {"n": n, "dim": 2, "rs": 1, "theta": 0.3, "twist": TWIST, "cutoff": CUTOFF}
    return declarations.ElectronGas(**(fields | {"occupation": occupation} | changes))


def energies_of(d: declarations.ElectronGas) -> Tensor:
    orbitals = plane_waves(d.dim, d.cutoff, (d.twist,) * d.dim)
    return (2 * math.pi / box_length(d.n, d.dim)) ** 2 * orbitals.square().sum(1)


def model_of(d: declarations.ElectronGas) -> FermiSea | Occupation:
    return occupation_model(d, plane_waves(d.dim, d.cutoff, (d.twist,) * d.dim), None)


SMALL = {"kind": "transformer", "width": 8, "heads": 2, "hidden": 6}
MODELS = {
    "ideal gas": {"kind": "ideal_gas"},
    "quasiparticle": {"kind": "quasiparticle"},
    "transformer": SMALL | {"dispersion": False},
    "dressed transformer": SMALL | {"dispersion": True},
    "one layer": SMALL | {"layers": 1, "heads": 1},
}
TRAINABLE = [name for name in MODELS if name != "ideal gas"]


@cache
def states() -> Tensor:
    orbitals = len(plane_waves(2, CUTOFF, (TWIST, TWIST)))
    return torch.tensor(list(itertools.combinations(range(orbitals), N)))


@pytest.fixture(params=list(MODELS))
def model(request) -> Occupation:
    return trained(request.param)


@pytest.fixture(params=TRAINABLE)
def trainable(request) -> Occupation:
    return trained(request.param)


def trained(name: str, step: float = 0.4) -> Occupation:
    """A model away from its start, by a random step of every parameter."""
    torch.manual_seed(0)
    model = model_of(declared(MODELS[name]))
    with torch.no_grad():
        for p in model.parameters():
            p += step * torch.randn_like(p)
    return model


def test_normalised_by_enumeration(model):
    with torch.no_grad():
        assert float(model.log_prob(states()).exp().sum()) == pytest.approx(1, abs=1e-13)


def test_samples_follow_p_and_are_sorted(model):
    assert isinstance(model, GenerativeModel)
    count = 20000
    samples = model.sample(count, torch.Generator().manual_seed(1))
    assert samples.shape == (count, N)
    assert bool((samples.diff(dim=1) > 0).all())
    assert int(samples.min()) >= 0
    with torch.no_grad():
        p = model.log_prob(states()).exp()
    base = 9 ** torch.arange(N)
    index = torch.searchsorted(*((lambda s: (s.sort().values, samples @ base))(states() @ base)))
    order = (states() @ base).argsort()
    observed = torch.bincount(index, minlength=len(p))[order.argsort()].double()
    assert follows(observed, count * p)


def test_samples_repeat_with_the_generator(model):
    first, again, other = (model.sample(50, torch.Generator().manual_seed(s)) for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_cached_logits_are_those_of_the_whole_sequence():
    network = trained("dressed transformer").network
    assert network is not None
    tokens = plane_waves(2, CUTOFF, (TWIST, TWIST))[states()[::7]]
    with torch.no_grad():
        whole = network(tokens)
        cache: list = []
        for i in range(N):
            logits, cache = network.step(tokens[:, i - 1] if i else None, len(tokens), cache)
            torch.testing.assert_close(logits, whole[:, i], rtol=1e-13, atol=1e-13)


def test_transformer_is_causal():
    network = trained("transformer").network
    assert network is not None
    tokens = plane_waves(2, CUTOFF, (TWIST, TWIST))[states()[:1]]
    for later in range(N):
        changed = tokens.clone()
        changed[:, later] += 1.0
        difference = (network(changed) - network(tokens)).abs().amax(dim=(0, 2))
        assert bool((difference[: later + 1] == 0).all())
        assert bool((difference[later + 1 :] > 1e-3).all())


def test_scores_equal_autograd_sample_by_sample(trainable):
    samples = states()[::5]
    scores = trainable.scores(samples)
    parameters = list(trainable.parameters())
    for row, sample in zip(scores, samples, strict=True):
        gradients = torch.autograd.grad(trainable.log_prob(sample[None]).sum(), parameters)
        torch.testing.assert_close(row, torch.cat([g.flatten() for g in gradients]), rtol=1e-11, atol=1e-13)


def test_mean_score_is_zero(trainable):
    with torch.no_grad():
        p = trainable.log_prob(states()).exp()
    assert float((p @ trainable.scores(states())).abs().max()) < 1e-13


@pytest.mark.parametrize("name", TRAINABLE)
def test_every_parameter_matters(name):
    trainable = trained(name, 0.1)  # no unit is saturated
    scores = trainable.scores(states())
    assert scores.shape[1] == sum(p.numel() for p in trainable.parameters())
    fisher = scores.square().mean(dim=0)
    sizes = {name: p.numel() for name, p in trainable.named_parameters()}
    for (name, _), part in zip(sizes.items(), fisher.split(list(sizes.values())), strict=True):
        if "attend" in name and name.endswith("bias"):
            # a constant added to all keys cancels in the softmax
            width = len(part) // 3
            assert float(part[width : 2 * width].max()) < 1e-25
            part = torch.cat([part[:width], part[2 * width :]])
        if name.endswith("start") or name.endswith("readout.weight") or name.endswith("readout.bias"):
            # classes that Pauli's principle excludes at every position have no logit
            assert float(part.max()) > 1e-6
            continue
        assert float(part.min()) > 1e-20, name


def test_quasiparticle_scores_are_deviations_of_the_occupations():
    """d ln p / d shift_s = sum over the star s of n_k - <n_k>."""
    model = trained("quasiparticle")
    dispersion = model.dispersion
    assert dispersion.shift is not None
    stars, shift = dispersion.stars, dispersion.shift.detach()
    mean = ideal_gas(-(dispersion.weights + shift[stars]), N, 1.0).occupations
    numbers = torch.zeros(len(states()), len(stars), dtype=torch.float64).scatter_(1, states(), 1.0)
    expected = torch.zeros(len(states()), len(shift), dtype=torch.float64).index_add_(
        1, stars, numbers - mean
    )
    torch.testing.assert_close(model.scores(states()), expected, rtol=0, atol=1e-12)


def test_stars_are_orbits_of_the_symmetries():
    free = plane_waves(2, 5, (0.0, 0.0))
    sizes = torch.bincount(stars_of(free)).sort().values.tolist()
    assert sizes == [1, 4, 4, 4, 8]
    twisted = plane_waves(2, 5, (0.25, 0.25))
    stars = stars_of(twisted)
    for star in stars.unique():
        members = twisted[stars == star]
        assert len({tuple(sorted(m)) for m in members.tolist()}) == 1
    assert int(stars.max()) + 1 == len({tuple(sorted(m)) for m in twisted.tolist()})
    half = plane_waves(3, 3, (0.5, 0.5, 0.5))
    assert int(stars_of(half).max()) + 1 == len({tuple(sorted(map(abs, m))) for m in half.tolist()})


@pytest.mark.parametrize("kind", ["ideal_gas", "quasiparticle", "transformer"])
@pytest.mark.parametrize(
    ("n", "dim", "theta", "twist", "cutoff", "free_energy", "entropy"),
    [
        (29, 2, 0.15, 0.25, 25, 54.70120463, 12.09967822),
        (13, 2, 0.15, 0.25, 25, 24.81105176, 4.52201079),
        (49, 2, 0.15, 0.25, 36, 91.90217378, 21.66427787),
        (57, 2, 0.15, 0.25, 49, 106.76299902, 25.54395755),
        (33, 3, 0.0625, 0.0, 14, 33 * 3.4718648283, 33 * 0.2023472350),
    ],
)
def test_the_start_is_the_ideal_gas_without_variance(
    kind, n, dim, theta, twist, cutoff, free_energy, entropy
):
    """T ln p + sum eps is F_0 sample by sample, S within its error. The 3D values have no cutoff."""
    changes = {"dim": dim, "theta": theta, "twist": twist, "cutoff": cutoff}
    d = declared({"kind": kind}, n, **changes)
    torch.manual_seed(0)
    model, energies = model_of(d), energies_of(d)
    temperature = theta * fermi_energy(dim)
    exact = ideal_gas(energies, n, 1 / temperature)
    assert exact.free_energy == pytest.approx(free_energy, abs=1e-8)
    assert exact.entropy == pytest.approx(entropy, abs=1e-8)
    samples = model.sample(256, torch.Generator().manual_seed(0))
    with torch.no_grad():
        log_prob = model.log_prob(samples)
    local = temperature * log_prob + energies[samples].sum(dim=1)
    assert float((local - exact.free_energy).abs().max()) < 1e-10
    assert float(local.var()) < 1e-20
    s = Moments.of(-log_prob)
    assert agrees(s.mean, s.error, exact.entropy, samples=256)


def test_fermi_sea():
    sea = model_of(declared({"kind": "fermi_sea"}, theta=0))
    samples = sea.sample(3)
    assert samples.tolist() == [[0, 1, 2]] * 3
    assert sea.log_prob(samples).tolist() == [0.0, 0.0, 0.0]
    assert sea.log_prob(torch.tensor([[0, 1, 3]])).tolist() == [-math.inf]
    assert not list(sea.parameters())


def test_one_particle_and_full_shells():
    """n = 1 uses the first logits only; n = M has a single state."""
    torch.manual_seed(0)
    one = model_of(declared(SMALL, 1))
    every = torch.arange(9)[:, None]
    with torch.no_grad():
        assert float(one.log_prob(every).exp().sum()) == pytest.approx(1, abs=1e-14)
    assert bool(one.scores(every).isfinite().all())
    full = model_of(declared(SMALL, 9))
    sample = full.sample(2, torch.Generator().manual_seed(0))
    assert sample.tolist() == [list(range(9))] * 2
    with torch.no_grad():
        assert full.log_prob(sample).tolist() == [0.0, 0.0]
    assert float(full.scores(sample).abs().max()) == 0


def test_ideal_dispersion_has_no_parameters():
    w = -torch.rand(5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    dispersion = Dispersion(w, 2, torch.arange(5), trainable=False)
    assert not list(dispersion.parameters())
    dressed = Dispersion(w, 2, torch.arange(5), trainable=True)
    torch.testing.assert_close(dispersion.logits(), dressed.logits(), rtol=0, atol=0)


def test_readout_starts_at_zero():
    network = CausalTransformer(2, 5, layers=1, width=4, heads=2, hidden=4)
    with torch.no_grad():
        assert float(network(torch.rand(3, 4, 2, dtype=torch.float64)).abs().max()) == 0
