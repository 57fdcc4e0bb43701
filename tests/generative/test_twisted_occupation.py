"""p(K | twist): the ideal gas of each twist at first, normalised at each when trained, scores by autograd."""

import itertools
import math

import pytest
import torch
from judging import agrees, follows
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.generative.twisted_occupation import ThermalTwistedOccupation, TwistedOccupation
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy, plane_waves
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.occupation_model import occupation_model

CUTOFF, THETA = 2, 0.4  # 9 orbitals in two dimensions
SMALL = {"kind": "transformer", "layers": 1, "width": 8, "heads": 2, "hidden": 6}
KINDS = {
    "quasiparticle": {"kind": "quasiparticle"},
    "transformer": SMALL | {"dispersion": False},
    "dressed transformer": SMALL,
}
AVERAGE = {"kind": "average"}


def model_of(kind: dict, n_up: int = 2, n_down: int = 0, twist=AVERAGE, dim: int = 2) -> TwistedOccupation:
    d = declarations.ElectronGas(
        n_up=n_up, n_down=n_down, dim=dim, rs=1, theta=THETA, cutoff=CUTOFF, occupation=kind, twist=twist
    )
    torch.manual_seed(0)
    made = occupation_model(d, plane_waves(dim, CUTOFF, (0.0,) * dim), None)
    assert isinstance(made, TwistedOccupation)
    return made


def trained(name: str, n_up: int = 2, n_down: int = 0, twist=AVERAGE) -> TwistedOccupation:
    made = model_of(KINDS[name], n_up, n_down, twist)
    with torch.no_grad():
        for p in made.parameters():
            p += 0.4 * torch.randn_like(p)
    return made


def states(n_up: int, n_down: int, twist: Tensor) -> Tensor:
    """All K at one twist, as samples."""
    up, down = (list(itertools.combinations(range(9), n)) for n in (n_up, n_down))
    K = torch.tensor([[*a, *(9 + i for i in b)] for a in up for b in down], dtype=torch.float64)
    return torch.cat([K, twist.expand(len(K), -1)], dim=1)


def twists(count: int) -> Tensor:
    return torch.rand(count, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64) - 0.5


@pytest.mark.parametrize("n_down", [0, 1])
@pytest.mark.parametrize("name", KINDS)
def test_normalised_at_each_twist_with_scores_that_average_to_zero(name, n_down):
    model = trained(name, 2, n_down)
    for twist in twists(4):
        x = states(2, n_down, twist)
        with torch.no_grad():
            p = model.log_prob(x).exp()
        assert float(p.sum()) == pytest.approx(1, abs=1e-13)
        assert float((p @ model.scores(x)).abs().max()) < 1e-13


@pytest.mark.parametrize("n_down", [0, 1])
@pytest.mark.parametrize("name", KINDS)
def test_scores_equal_autograd_sample_by_sample(name, n_down):
    model = trained(name, 2, n_down)
    x = torch.cat([states(2, n_down, twist)[::17] for twist in twists(3)])
    parameters = list(model.parameters())
    for row, sample in zip(model.scores(x), x, strict=True):
        gradients = torch.autograd.grad(model.log_prob(sample[None]).sum(), parameters)
        torch.testing.assert_close(row, torch.cat([g.flatten() for g in gradients]), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("n_down", [0, 1])
@pytest.mark.parametrize("name", KINDS)
def test_samples_follow_p_of_the_twist_and_of_k(name, n_down):
    """A grid of four twists: all of them and all K by enumeration."""
    grid = {"kind": "monkhorst_pack", "points": 2}
    model, count = trained(name, 2, n_down, grid), 8000
    x = model.sample(count, torch.Generator().manual_seed(1))
    everything = torch.cat(
        [states(2, n_down, torch.tensor(t)) for t in itertools.product((-0.25, 0.25), repeat=2)]
    )
    with torch.no_grad():
        p = model.log_prob(everything).exp() / 4
    where = {tuple(row): i for i, row in enumerate(everything.tolist())}
    found = torch.tensor([where[tuple(row)] for row in x.tolist()])
    assert follows(torch.bincount(found, minlength=len(p)).double(), count * p)


def test_twists_are_uniform_and_repeat_with_the_generator():
    model = model_of({"kind": "ideal_gas"}, dim=3)
    first, again, other = (model.sample(4000, torch.Generator().manual_seed(s)) for s in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first[:, 2:], other[:, 2:])
    twist = first[:, 2:]
    assert -0.5 <= float(twist.min()) < -0.49 and 0.49 < float(twist.max()) < 0.5
    cells = ((twist + 0.5) * 3).long() @ torch.tensor([9, 3, 1])
    assert follows(torch.bincount(cells, minlength=27).double(), torch.full((27,), 4000 / 27))


@pytest.mark.parametrize(("n_up", "n_down", "dim"), [(3, 0, 2), (2, 2, 2), (3, 0, 3), (1, 0, 2), (9, 0, 2)])
@pytest.mark.parametrize("kind", [{"kind": "ideal_gas"}, *KINDS.values()])
def test_the_start_is_the_ideal_gas_of_each_twist_without_variance(kind, n_up, n_down, dim):
    """T ln p + sum eps is F_0 of the plane waves of that twist, -T ln Z, and no other twist has it."""
    model = model_of(kind, n_up, n_down, dim=dim)
    assert isinstance(model, ThermalTwistedOccupation)
    n = n_up + n_down
    unit, t = (2 * math.pi / box_length(n, dim)) ** 2, THETA * fermi_energy(dim, max(n_up, n_down) / n)
    x = model.sample(30, torch.Generator().manual_seed(0))
    with torch.no_grad():
        local = t * model.log_prob(x) + unit * model.wave_vectors(x).square().sum((1, 2))
    exact = []
    for twist in x[:, n:].tolist():
        energies = unit * plane_waves(dim, CUTOFF, tuple(twist)).square().sum(1)
        exact.append(sum(ideal_gas(energies, m, 1 / t).free_energy for m in (n_up, n_down) if m))
    known = torch.tensor(exact, dtype=torch.float64)
    torch.testing.assert_close(local, known, rtol=1e-12, atol=1e-11)
    torch.testing.assert_close(-t * model.log_z(x), known, rtol=1e-12, atol=1e-11)
    assert float(local.std()) > 1e-3


def test_a_grid_of_one_point_is_no_twist():
    """The same numbers as the model of one twist has, from the same indices."""
    one = {"kind": "monkhorst_pack", "points": 1}
    many = model_of({"kind": "ideal_gas"}, 3, twist=one)
    d = declarations.ElectronGas(
        n=3, dim=2, rs=1, theta=THETA, cutoff=CUTOFF, occupation={"kind": "ideal_gas"}
    )
    alone = occupation_model(d, plane_waves(2, CUTOFF, (0.0, 0.0)), None)
    x = states(3, 0, torch.zeros(2, dtype=torch.float64))
    torch.testing.assert_close(many.log_prob(x), alone.log_prob(x[:, :3].long()), rtol=0, atol=1e-13)
    assert torch.equal(many.wave_vectors(x), plane_waves(2, CUTOFF, (0.0, 0.0))[x[:, :3].long()])


@pytest.mark.parametrize("n_down", [0, 2])
def test_wave_vectors_are_different_ones_of_the_twist(n_down):
    model = model_of({"kind": "ideal_gas"}, 3, n_down)
    x = model.sample(200, torch.Generator().manual_seed(2))
    k, twist = model.wave_vectors(x), x[:, -2:]
    integers = k - twist[:, None]
    torch.testing.assert_close(integers, integers.round(), rtol=0, atol=1e-14)
    assert float(integers.square().sum(2).max()) <= CUTOFF + 1e-9
    for spin in k.split(model.particles, dim=1):
        apart = torch.cdist(spin, spin) + 10 * torch.eye(spin.shape[1])
        assert float(apart.min()) > 0.99


def test_at_zero_temperature_k_is_the_fermi_sea_of_each_twist():
    d = declarations.ElectronGas(
        n_up=3, n_down=2, dim=2, rs=1, theta=0, cutoff=5, occupation={"kind": "fermi_sea"}, twist=AVERAGE
    )
    model = occupation_model(d, plane_waves(2, 5, (0.0, 0.0)), None)
    x = model.sample(50, torch.Generator().manual_seed(0))
    assert bool((model.log_prob(x) == 0).all()) and model.scores(x).shape == (50, 0)
    for twist, k in zip(x[:, 5:].tolist(), model.wave_vectors(x), strict=True):
        lowest = plane_waves(2, 9, tuple(twist)).square().sum(1)
        for spin in k.split([3, 2]):
            torch.testing.assert_close(spin.square().sum(1), lowest[: len(spin)], rtol=0, atol=1e-13)


@pytest.mark.parametrize("n_down", [0, 1])
def test_the_network_sees_the_twist_from_the_first_orbital_on(n_down):
    """At the same indices p depends on the twist by more than the ideal gas, in a way that is periodic."""
    model = trained("transformer", 2, n_down)
    assert isinstance(model, ThermalTwistedOccupation) and model.network is not None
    tokens = [model._token(model.parts(states(2, n_down, t)[:1])[1], None) for t in twists(2)]
    with torch.no_grad():
        first, other = (model.network.step(token, 1, [])[0] for token in tokens)
    assert float((first - other).abs().max()) > 1e-3
    edge = torch.tensor([[0.5, 0.1], [-0.5, 0.1]], dtype=torch.float64)
    seen = [model._token(model.parts(states(2, n_down, t)[:1])[1], None) for t in edge]
    torch.testing.assert_close(seen[0], seen[1], rtol=0, atol=1e-13)


@pytest.mark.parametrize("n_down", [0, 1])
@pytest.mark.parametrize("name", KINDS)
def test_every_layer_matters(name, n_down):
    model = trained(name, 2, n_down)
    scores = model.scores(torch.cat([states(2, n_down, t)[::5] for t in twists(20)]))
    sizes = {name: p.numel() for name, p in model.named_parameters()}
    for name, part in zip(sizes, scores.abs().amax(0).split(list(sizes.values())), strict=True):
        assert float(part.max()) > 1e-6, name


def test_the_entropy_of_the_start_is_the_mean_over_twists():
    model = model_of({"kind": "ideal_gas"}, 3)
    x = model.sample(4000, torch.Generator().manual_seed(0))
    s = Moments.of(-model.log_prob(x))
    unit, t = (2 * math.pi / box_length(3, 2)) ** 2, THETA * fermi_energy(2)
    exact = [ideal_gas(unit * plane_waves(2, CUTOFF, tuple(k)).square().sum(1), 3, 1 / t).entropy for k in
             itertools.product([(2 * j - 7) / 16 for j in range(8)], repeat=2)]  # fmt: skip
    assert agrees(s.mean, s.error, sum(exact) / len(exact), samples=4000)
