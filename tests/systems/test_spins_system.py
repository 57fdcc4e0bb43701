"""Systems of spins as the training sees them: exact values, temperatures, bounds, optimisers."""

import math
from contextlib import nullcontext

import pytest
import torch
from judging import agrees, errors
from pydantic import ValidationError
from stepping import ADAM, evaluate, prepared, train

from vfe_lightning import declarations
from vfe_lightning.declarations.annealing import beta_share
from vfe_lightning.errors import NotKnown
from vfe_lightning.hamiltonians.spins import balanced_patterns

ISING = {"L": 3, "beta": 0.4, "network": {"kind": "made", "depth": 2, "width": 4}}
NO_ANNEALING = {"annealing": {"kind": "none"}}
HIERARCHICAL = {"kind": "hierarchical", "width": 8}
SYSTEMS = {
    "square": lambda **c: declarations.Ising(**ISING | c),
    "triangular antiferromagnet": lambda **c: declarations.Ising(
        **ISING | {"lattice": "triangular", "J": -1.0} | c
    ),
    "open": lambda **c: declarations.Ising(**ISING | {"periodic": False} | c),
    "PixelCNN": lambda **c: declarations.Ising(
        **ISING | {"network": {"kind": "pixel_cnn", "width": 4, "reach": 2}} | c
    ),
    "hierarchical": lambda **c: declarations.Ising(**{"L": 4, "beta": 0.4, "network": HIERARCHICAL} | c),
    "Hopfield": lambda **c: declarations.Hopfield(**{"n": 8, "beta": 1.0} | c),
    "spin glass in a field": lambda **c: declarations.EdwardsAnderson(
        **ISING | {"h": 0.3, "symmetrize": False, "disorder": "gaussian"} | c
    ),
    "Potts": lambda **c: declarations.Potts(**ISING | {"beta": 0.9, "q": 3} | c),
    "SK": lambda **c: declarations.SherringtonKirkpatrick(**{"n": 8, "beta": 1.0} | c),
}
NATURAL = {"kind": "natural_gradient", "learning_rate": 0.1, "classical": {"max_norm": 1.0, "damping": 1e-2}}
OPTIMIZERS = {"Adam": ADAM, "natural gradient": declarations.NaturalGradient(**NATURAL)}


# the hierarchical network trains on the same two lattices
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow)
        if name in ("square", "triangular antiferromagnet")
        else name
        for name in SYSTEMS
        if name != "hierarchical"
    ],
)
def test_training_comes_close_to_the_exact_free_energy_from_above(name):
    steps = 400 if name == "PixelCNN" else 240
    adam = declarations.Adam(learning_rate=0.02 if steps == 400 else 0.03, decay=steps / 2)
    system = prepared(SYSTEMS[name](**NO_ANNEALING), adam)
    exact = system.reference().per(system.size, system.energy_unit)
    found = evaluate(train(system, steps))
    f, error = found["free_energy"]
    assert f > exact.free_energy - errors() * error
    assert f == pytest.approx(exact.free_energy, rel=3e-3)
    f_is, error_is = found["importance_free_energy"]
    assert agrees(f_is, error_is, exact.free_energy) and error_is < 1e-3
    assert found["effective_sample_size"][0] > 0.8
    for name, value in (("energy", exact.energy), ("entropy", exact.entropy)):
        assert abs(found[name][0] - value) < errors() * found[name][1] + 0.01


@pytest.mark.parametrize(("lattice", "J"), [("square", 1.0), ("triangular", -1.0)])
def test_the_hierarchical_network_comes_within_the_noise_of_the_exact_free_energy(lattice, J):
    d = declarations.Ising(L=4, beta=0.44, lattice=lattice, J=J, network=HIERARCHICAL, **NO_ANNEALING)
    system = prepared(d, declarations.Adam(learning_rate=0.02, decay=100))
    exact = system.reference().per(16, 1.0)
    found = evaluate(train(system, 150))
    f, error = found["free_energy"]
    assert error < 3e-4 and -errors() * error < f - exact.free_energy < errors() * error + 1e-4
    assert found["effective_sample_size"][0] > 0.98
    for name, value in (("energy", exact.energy), ("heat_capacity", exact.heat_capacity)):
        assert agrees(*found[name], value)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", ["square", "PixelCNN", "hierarchical", "SK"])
def test_both_optimisers_lower_the_free_energy_of_a_network(name, optimizer):
    system = prepared(SYSTEMS[name](**NO_ANNEALING), OPTIMIZERS[optimizer])
    exact = system.reference().per(system.size, 1.0).free_energy
    before = evaluate(system)["free_energy"][0]
    after, error = evaluate(train(system, 60))["free_energy"]
    assert exact - errors() * error < after < exact + 0.2 * (before - exact)


@pytest.mark.parametrize(
    "gradient",
    [{"kind": "leave_one_out"}, {"kind": "past_average"}, {"kind": "var_grad"}, {"kind": "measure_valued"}],
)
def test_every_estimator_trains_independent_spins_to_mean_field(gradient):
    """The best product state is naive mean field."""
    d = declarations.Ising(
        L=3, beta=0.5, network={"kind": "bernoulli"}, symmetrize=False, gradient=gradient, **NO_ANNEALING
    )
    system = prepared(d, declarations.Adam(learning_rate=0.05, decay=100))
    f, error = evaluate(train(system, 300), 50)["free_energy"]
    bound = system.landmarks()["naive mean field"] / 9
    assert bound - errors() * error < f < bound + errors() * error + 0.01  # it starts 0.65 above


def test_annealed_training_reports_at_the_last_temperature():
    d = SYSTEMS["square"](annealing={"kind": "exponential", "rate": 0.9})
    system = prepared(d)
    x = system.model.sample(64, torch.Generator().manual_seed(0))
    system.model.sample = lambda n, generator: x
    warm = system.estimate(64)
    assert warm.diagnostics["annealed_beta"].item() == pytest.approx(0.1 * 0.4)
    system.eval()
    cold = system.estimate(64)
    assert "annealed_beta" not in cold.diagnostics
    torch.testing.assert_close(warm.free_energy, cold.free_energy)
    torch.testing.assert_close(cold.free_energy, cold.energy - cold.entropy / d.beta)
    torch.testing.assert_close(warm.factors[0].cost, 0.1 * d.beta * warm.energy - warm.entropy)
    torch.testing.assert_close(cold.factors[0].cost, d.beta * cold.free_energy)


def test_the_innermost_squares_are_as_warm_as_the_gradient():
    """Their noise cancels in ln p + beta E, at the annealed beta and at the last one."""
    system = prepared(SYSTEMS["hierarchical"](annealing={"kind": "exponential", "rate": 0.9}))
    x = system.model.sample(1, torch.Generator().manual_seed(0)).repeat(64, 1)
    block = [5, 6, 7, 9, 10, 11, 13, 14, 15]
    x[:, block] *= 2.0 * torch.randint(2, (64, 9), generator=torch.Generator().manual_seed(1)) - 1
    system.model.sample = lambda n, generator: x
    for training in (True, False):
        cost = system.train(training).estimate(64).factors[0].cost
        torch.testing.assert_close(cost, cost[:1].expand(64))


@pytest.mark.parametrize(
    ("annealing", "step", "share"),
    [
        ({"kind": "none"}, 0, 1.0),
        ({"kind": "linear", "start": 0.2, "steps": 10}, 0, 0.28),
        ({"kind": "linear", "start": 0.2, "steps": 10}, 9, 1.0),
        ({"kind": "linear", "steps": 10}, 500, 1.0),
        ({"kind": "exponential", "rate": 0.5}, 1, 0.75),
    ],
)
def test_schedules(annealing, step, share):
    d = SYSTEMS["square"](annealing=annealing)
    assert beta_share(d.annealing, step) == pytest.approx(share)


def test_an_annealing_that_never_ends_is_refused():
    system = prepared(SYSTEMS["square"](annealing={"kind": "linear", "steps": 500}))
    system.check_steps(500)
    with pytest.raises(ValueError, match=r"annealing\.steps = 500"):
        system.check_steps(100)


@pytest.mark.parametrize(
    ("build_it", "words"),
    [
        (lambda: SYSTEMS["square"](gradient={"kind": "measure_valued"}), "bernoulli"),
        (lambda: SYSTEMS["square"](J=0), "J = 0"),
        (lambda: SYSTEMS["hierarchical"](L=12), "L = 4, 8, 16"),
        (lambda: SYSTEMS["hierarchical"](L=2), "L = 4, 8, 16"),
        (lambda: SYSTEMS["hierarchical"](periodic=False), "periodic true"),
        (lambda: SYSTEMS["SK"](network=HIERARCHICAL), "made"),
        (lambda: SYSTEMS["SK"](network={"kind": "pixel_cnn"}), "made"),
        (lambda: SYSTEMS["square"](L=1), "greater than or equal to 2"),
        (lambda: SYSTEMS["square"](lattice="hexagonal"), "triangular"),
        (lambda: SYSTEMS["Hopfield"](patterns=0), "greater than or equal to 1"),
    ],
)
def test_what_makes_no_sense_is_refused(build_it, words):
    with pytest.raises(ValidationError, match=words):
        build_it()


@pytest.mark.parametrize(
    ("declaration", "known"),
    [
        (SYSTEMS["square"](L=64), True),
        (SYSTEMS["triangular antiferromagnet"](L=30), True),
        (SYSTEMS["triangular antiferromagnet"](L=5), False),
        (SYSTEMS["square"](L=5, J=-1.0), False),
        (SYSTEMS["open"](L=12, J=-1.0), True),
        (SYSTEMS["open"](L=30), False),
        (SYSTEMS["SK"](n=40), False),
        (SYSTEMS["Hopfield"](n=1000), True),
    ],
)
def test_reference_where_it_is_known(declaration, known):
    system = declaration.model_copy(update={"network": declarations.Bernoulli()}).build()
    with nullcontext() if known else pytest.raises(NotKnown):
        found = system.reference()
        assert all(map(math.isfinite, (found.free_energy, found.energy, found.entropy, found.heat_capacity)))


def test_landmarks_say_where_bethe_does_not_converge():
    good, bad = SYSTEMS["SK"](n=20, beta=0.5).build(), SYSTEMS["SK"](n=20, beta=1.5).build()
    assert set(good.landmarks()) == {"naive mean field", "Bethe"}
    assert set(bad.landmarks()) == {"naive mean field", "Bethe (not converged)"}
    assert math.isnan(bad.landmarks()["Bethe (not converged)"])
    assert bad.landmarks()["naive mean field"] >= bad.reference().free_energy


def test_heat_capacity_is_the_variance_of_the_energy():
    system = prepared(SYSTEMS["square"](**NO_ANNEALING))
    estimate = system.estimate(500)
    expected = system.declaration.beta**2 * estimate.energy.var() / 9
    torch.testing.assert_close(estimate.observables["heat_capacity"].mean(), expected)


def test_hopfield_modes_are_counted():
    system = prepared(SYSTEMS["Hopfield"](n=8, patterns=1))
    xi = balanced_patterns(8, 1, 0)
    s = torch.cat([xi, -xi, -xi])
    measured = {name: f(s) for name, f in system.physics.observables.items()}
    assert measured["mode_weight_plus_1"].tolist() == [1, 0, 0]
    assert measured["mode_weight_minus_1"].tolist() == [0, 1, 1]
    assert measured["largest_overlap"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("name", SYSTEMS)
def test_figures(name):
    system = prepared(SYSTEMS[name](annealing={"kind": "exponential", "rate": 0.9}), batch=40)
    system.estimate(40)  # a warm picture
    evaluate(system, 2)
    figures = system.figures()
    assert figures
    if name == "Hopfield":
        panels = figures["overlap_plane"].axes
        assert [a.get_title() for a in panels if a.get_title()] == [r"$\beta$ = 0.1", r"$\beta$ = 1"]


def test_passes_share_the_batch():
    """Two passes of half the batch are one estimate: the leave-one-out mean is over all of them."""
    d = SYSTEMS["SK"](**NO_ANNEALING)
    metrics, parameters = [], []
    for accumulate in (1, 2):
        system = prepared(d, batch=80, accumulate=accumulate)
        everyone = system.model.sample(80, torch.Generator().manual_seed(3))
        shares = iter(everyone.chunk(accumulate))
        system.model.sample = lambda n, generator, shares=shares: next(shares)
        system.training_step(0, 0)
        metrics.append(system.metrics)
        parameters.append(torch.cat([p.detach().flatten() for p in system.parameters()]))
    torch.testing.assert_close(parameters[0], parameters[1], rtol=0, atol=1e-12)
    for name in ("free_energy", "energy", "entropy", "p/gradient_norm"):
        assert metrics[0][name] == pytest.approx(metrics[1][name], rel=1e-10)


@pytest.mark.parametrize("symmetrize", [False, True])
def test_independent_spins_are_contained_where_each_logit_has_a_bias(symmetrize):
    def contained(network):
        d = declarations.Ising(L=4, beta=0.4, network=network, symmetrize=symmetrize)
        return d.build().contained()

    for network in ({"kind": "bernoulli"}, {"kind": "made"}, {"kind": "pixel_cnn", "width": 2}):
        assert contained(network) == {"naive mean field"}
    for network in ({"kind": "made", "depth": 1, "bias": False}, HIERARCHICAL):
        assert contained(network) == frozenset()


@pytest.mark.parametrize("network", [{"kind": "made"}, {"kind": "pixel_cnn", "width": 2}])
def test_networks_become_any_product(network):
    """Last weights zero, and biases: ln p is that of independent spins."""
    model = declarations.Ising(L=3, beta=0.4, network=network, symmetrize=False).build().model
    logits = torch.linspace(-2, 2, 9, dtype=torch.float64)
    with torch.no_grad():
        for parameter in model.layers[-1].parameters():
            parameter.zero_()
        model.layers[-1].bias.copy_(logits.view_as(model.layers[-1].bias))
    x = 2.0 * torch.randint(2, (50, 9)) - 1
    product = torch.nn.functional.logsigmoid(x.double() * logits).sum(dim=1)
    torch.testing.assert_close(model.log_prob(x.double()), product)
