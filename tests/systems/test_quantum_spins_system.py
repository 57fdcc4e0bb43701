"""Spins 1/2 as the training sees them: bounds, derivatives of F, optimisers, both ways to sum over x."""

import pytest
import torch
from pydantic import ValidationError
from spins import randomize
from test_spins_system import evaluate, prepared, train

from vfe_lightning import declarations
from vfe_lightning.estimators.gradients import Rows, gradient_and_variance
from vfe_lightning.systems import build
from vfe_lightning.systems.state_table import all_spins, numbers

ADAM = declarations.Adam(learning_rate=0.05, decay=100)
NATURAL = declarations.NaturalGradient(
    learning_rate=0.5,
    classical={"max_norm": 0.3},
    quantum={"damping": 0.3, "max_norm": 0.3, "momentum": 0.9},
)
SMALL = {"nx": 1, "ny": 3, "depth": 2, "network": {"kind": "made", "width": 4}}
MODELS = {
    "ising": lambda **c: declarations.TransverseIsing(**SMALL | {"gamma": 1.0, "beta": 1.0} | c),
    "heisenberg": lambda **c: declarations.Heisenberg(**SMALL | {"beta": 1.5, "field": 0.2} | c),
}


@pytest.mark.parametrize("optimizer", [ADAM, NATURAL], ids=["adam", "natural_gradient"])
@pytest.mark.parametrize("gradient", ["sampled", "summed"])
@pytest.mark.parametrize("model", MODELS)
def test_training_comes_close_to_the_exact_free_energy_from_above(model, gradient, optimizer):
    system = prepared(MODELS[model](gradient=gradient), optimizer)
    steps = 150 if optimizer is ADAM else 40
    exact = system.reference().per(system.size, system.energy_unit)
    found = evaluate(train(system, steps))
    f, error = found["free_energy"]
    assert f > exact.free_energy - 4 * error
    assert f == pytest.approx(exact.free_energy, rel=2e-2)
    assert found["energy"][0] == pytest.approx(exact.energy, abs=0.08)
    assert found["exact_level_0"][0] == pytest.approx(system.thermal.levels[0].item())
    assert found["level_0"][0] >= found["exact_level_0"][0] - 1e-9
    assert found["heat_capacity"][0] == pytest.approx(found["exact_heat_capacity"][0], abs=0.12)


def exact_gradients(system) -> dict[str, torch.Tensor]:
    """d (beta F) / d parameters by autograd through all x and the matrix of U."""
    s, d = all_spins(system.size), system.declaration
    log_prob, pairs = system.model.log_prob(s), system.circuit.pairs
    from vfe_lightning.circuits.statevector import evolved

    psi = evolved(torch.eye(2**system.size, dtype=torch.complex128), system.circuit.unitaries(), pairs)
    loss = (log_prob.exp() * (log_prob + d.beta * system.hamiltonian.expectation(psi))).sum()
    modules = {"p": system.model, "circuit": system.circuit}
    return {
        name: torch.cat(
            [g.flatten() for g in torch.autograd.grad(loss, list(m.parameters()), retain_graph=True)]
        )
        for name, m in modules.items()
    }


@pytest.mark.parametrize("kind", ["general", "hardware"])
def test_the_summed_gradient_is_exact_and_the_sampled_one_scatters_around_it(kind):
    system = prepared(MODELS["ising"](gradient="summed", gates={"kind": kind}))
    randomize(system, scale=0.3)
    expected = exact_gradients(system)
    for factor in system.estimate(10).factors:
        found, _ = gradient_and_variance(factor)
        torch.testing.assert_close(found, expected[factor.name], rtol=0, atol=1e-12)
    sampled = prepared(MODELS["ising"](gates={"kind": kind}))
    sampled.load_state_dict(system.state_dict())
    repeated = [[gradient_and_variance(f)[0] for f in sampled.estimate(100).factors] for _ in range(60)]
    for name, gradients in zip(("p", "circuit"), zip(*repeated, strict=True), strict=True):
        spread = torch.stack(gradients)
        z = (spread.mean(dim=0) - expected[name]) / (spread.std(dim=0) / 60**0.5 + 1e-12)
        assert z.abs().max() < 5


def test_summed_metric_of_p_is_its_fisher_matrix():
    system = prepared(MODELS["ising"](gradient="summed"), NATURAL)
    randomize(system.model, scale=0.3)
    rows = Rows.of(system.estimate(10).factors[0])
    s = all_spins(system.size)
    scores, p = system.model.scores(s), system.model.log_prob(s).detach().exp()
    torch.testing.assert_close(rows.x.mT @ rows.x, scores.mT @ (p[:, None] * scores))


def test_observables_and_the_heat_capacity_are_those_of_the_density_matrix():
    system = prepared(MODELS["heisenberg"](), batch=4000)
    randomize(system, scale=0.3)
    found = evaluate(system, 3)
    from vfe_lightning.circuits.statevector import evolved
    from vfe_lightning.exact.quantum_spins import matrix

    identity = torch.eye(8, dtype=torch.complex128)
    u = evolved(identity, system.circuit.unitaries(), system.circuit.pairs)
    p = system.model.log_prob(all_spins(3)).exp()
    rho, h = u @ torch.diag(p.to(u)) @ u.mH, matrix(system.hamiltonian).to(u)

    def mean(operator: torch.Tensor) -> float:
        return (rho @ operator).diagonal().sum().real.item()

    expected = {name: mean(o.apply_to(identity)) for name, o in system.operators.items()}
    expected["heat_capacity"] = 1.5**2 * (mean(h @ h) - mean(h) ** 2) / 3
    expected |= {"purity": p.square().sum().item(), "energy": mean(h) / 3}
    for name, value in expected.items():
        assert abs(found[name][0] - value) < 4.5 * found[name][1] + 1e-12, name


def test_numbers_and_spins_are_inverse():
    assert numbers(all_spins(5)).tolist() == list(range(32))


def test_larger_systems_are_compared_with_thermal_lanczos():
    system = build(declarations.TransverseIsing(nx=3, ny=4, depth=1, beta=1.0))
    assert system.reference() is None
    f = system.landmarks()
    assert f["thermal Lanczos"] == pytest.approx(-19.90, abs=0.3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nx": 1, "ny": 1}, "1 spins: 2 to 16"),
        ({"nx": 5, "ny": 4}, "20 spins: 2 to 16"),
        ({"nx": 3, "ny": 4, "gradient": "summed"}, "at most 10 spins, not 12"),
        ({"beta": 0}, "beta\n.*greater than 0"),
        ({"depth": 0}, "depth\n.*greater than 0"),
        ({"lattice": "martini"}, "square.*kagome"),
    ],
)
def test_refusals(changes, words):
    with pytest.raises(ValidationError, match=words):
        declarations.TransverseIsing(**SMALL | changes)
