"""Spins 1/2 as the training sees them: bounds, derivatives of F, optimisers, both ways to sum over x."""

import pytest
import torch
from judging import errors
from pydantic import ValidationError
from spins import randomize
from stepping import evaluate, prepared, train
from test_spins_system import NO_ANNEALING

from vfe_lightning import declarations
from vfe_lightning.errors import NotKnown
from vfe_lightning.estimate import Estimate
from vfe_lightning.estimators.gradients import gradient_and_variance
from vfe_lightning.generative import peierls
from vfe_lightning.hamiltonians.pauli import all_spins, numbers
from vfe_lightning.systems.quantum_spins import QuantumSpins

ADAM = declarations.Adam(learning_rate=0.05, decay=100)
LBFGS = declarations.LBFGS()
NATURAL = declarations.NaturalGradient(
    learning_rate=0.5,
    classical={"max_norm": 0.3},
    quantum={"damping": 0.3, "max_norm": 0.3, "momentum": 0.9},
)
SMALL = {"nx": 1, "ny": 3, "depth": 2, "network": {"kind": "made", "width": 4}, **NO_ANNEALING}
PEIERLS = {"kind": "peierls"}
NETWORKS = {"made": SMALL["network"], "peierls": PEIERLS}
MODELS = {
    "ising": lambda **c: declarations.TransverseIsing(**SMALL | {"gamma": 1.0, "beta": 1.0} | c),
    "heisenberg": lambda **c: declarations.Heisenberg(**SMALL | {"beta": 1.5, "field": 0.2} | c),
}


@pytest.mark.parametrize("optimizer", [ADAM, NATURAL], ids=["adam", "natural_gradient"])
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("model", MODELS)
def test_training_comes_close_to_the_exact_free_energy_from_above(model, network, optimizer):
    system = prepared(MODELS[model](network=NETWORKS[network]), optimizer)
    steps = 300 if optimizer is ADAM else 40
    exact = system.reference().per(system.size, system.energy_unit)
    found = evaluate(train(system, steps))
    f, error = found["free_energy"]
    assert f > exact.free_energy - errors() * error
    assert f == pytest.approx(exact.free_energy, rel=2e-2)
    energy, error = found["energy"]
    assert abs(energy - exact.energy) < errors() * error + 0.05
    assert found["exact_level_0"][0] == pytest.approx(system.thermal.levels[0].item())
    assert found["level_0"][0] >= found["exact_level_0"][0] - 1e-9
    heat_capacity, error = found["heat_capacity"]
    assert abs(heat_capacity - found["exact_heat_capacity"][0]) < errors() * error + 0.08


@pytest.mark.parametrize("model", ["ising", pytest.param("heisenberg", marks=pytest.mark.slow)])
def test_blocks_by_quasi_newton_steps_are_almost_exact(model):
    """2 x 3 sites, of which a block holds four."""
    size = {"nx": 2, "ny": 3, "depth": 10, "gates": {"kind": "blocks"}, "network": PEIERLS}
    system = prepared(MODELS[model](**size), LBFGS)
    exact = system.reference().free_energy / system.size
    f, _ = evaluate(train(system, 150))["free_energy"]
    assert exact - 1e-12 < f < exact + 5e-3 * abs(exact)


def test_blocks_are_for_real_hamiltonians():
    """A field of Y, which no declaration has."""
    from vfe_lightning.hamiltonians.pauli import PauliString, PauliSum

    d = MODELS["ising"](nx=1, ny=2, gates={"kind": "blocks"})
    with pytest.raises(ValueError, match=r"use --gates\.kind general"):
        QuantumSpins(d, PauliSum(2, [PauliString(1.0, "Y", (0,))]), [(0, 1)])


def exact_gradients(system) -> dict[str, torch.Tensor]:
    """d (beta F) / d parameters by autograd through all x and the matrix of U."""
    s, d = all_spins(system.size), system.declaration
    log_prob, places = system.model.log_prob(s), system.circuit.places
    from vfe_lightning.circuits.statevector import evolved

    identity = torch.eye(2**system.size, dtype=torch.complex128)
    psi = evolved(identity, system.circuit.unitaries().to(identity), places)
    loss = (log_prob.exp() * (log_prob + d.beta * system.hamiltonian.expectation(psi))).sum()
    modules = {"p": system.model, "circuit": system.circuit}
    return {
        name: torch.cat(
            [g.flatten() for g in torch.autograd.grad(loss, list(m.parameters()), retain_graph=True)]
        )
        for name, m in modules.items()
    }


@pytest.mark.parametrize("kind", ["general", "hardware", "blocks"])
def test_sampled_gradients_scatter_around_the_exact_ones(kind):
    system = prepared(MODELS["ising"](gates={"kind": kind}))
    randomize(system, scale=0.3)
    expected = exact_gradients(system)
    repeated = [[gradient_and_variance(f)[0] for f in system.estimate(100).factors] for _ in range(60)]
    for name, gradients in zip(("p", "circuit"), zip(*repeated, strict=True), strict=True):
        spread = torch.stack(gradients)
        z = (spread.mean(dim=0) - expected[name]) / (spread.std(dim=0) / 60**0.5 + 1e-12)
        assert z.abs().max() < errors(60, z.numel())


def peierls_free_energy(system, beta: float) -> torch.Tensor:
    """-ln sum_x exp(-beta E_x) from the matrix of U."""
    from vfe_lightning.circuits.statevector import evolved

    identity = torch.eye(2**system.size, dtype=torch.complex128)
    psi = evolved(identity, system.circuit.unitaries().to(identity), system.circuit.places)
    return -(-beta * system.hamiltonian.expectation(psi)).logsumexp(0)


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("kind", ["general", "hardware", "blocks"])
def test_peierls_bound_and_its_derivatives(kind, accumulate, monkeypatch):
    """F_loc is the same number for every x, and the gradient that of the bound, whatever is sampled."""
    monkeypatch.setattr(peierls, "NEGLIGIBLE", 0.0)
    system = prepared(MODELS["ising"](gates={"kind": kind}, network=PEIERLS))
    randomize(system, scale=0.3)
    bound = peierls_free_energy(system, beta=1.0)
    (slope,) = torch.autograd.grad(bound, list(system.circuit.parameters()))
    estimate = Estimate.concatenate([system.estimate(10) for _ in range(accumulate)])
    torch.testing.assert_close(estimate.free_energy, bound.detach().expand(10 * accumulate))
    circuit = estimate.factors[-1]
    torch.testing.assert_close(gradient_and_variance(circuit)[0], slope.flatten(), rtol=0, atol=1e-12)


def test_beta_of_the_gradient_rises_and_that_of_the_report_does_not():
    warm = {"annealing": {"kind": "linear", "start": 0.25, "steps": 10**9}}
    system = prepared(MODELS["ising"](network=PEIERLS, **warm))
    randomize(system, scale=0.3)
    assert system.beta_now() == pytest.approx(0.25)
    (slope,) = torch.autograd.grad(peierls_free_energy(system, 0.25), list(system.circuit.parameters()))
    found, _ = gradient_and_variance(system.estimate(10).factors[-1])
    torch.testing.assert_close(found, slope.flatten(), rtol=0, atol=1e-3)  # unlikely states are left out
    f, _ = evaluate(system)["free_energy"]
    assert f == pytest.approx(peierls_free_energy(system, 1.0).item() / system.size)
    with pytest.raises(ValueError, match="= 1000000000 ends after"):
        system.check_steps(800)


def test_observables_and_the_heat_capacity_are_those_of_the_density_matrix():
    system = prepared(MODELS["heisenberg"](), batch=4000)
    randomize(system, scale=0.3)
    found = evaluate(system, 3)
    from vfe_lightning.circuits.statevector import evolved
    from vfe_lightning.exact.quantum_spins import matrix

    identity = torch.eye(8, dtype=torch.complex128)
    u = evolved(identity, system.circuit.unitaries(), system.circuit.places)
    p = system.model.log_prob(all_spins(3)).exp()
    rho, h = u @ torch.diag(p.to(u)) @ u.mH, matrix(system.hamiltonian).to(u)

    def mean(operator: torch.Tensor) -> float:
        return (rho @ operator).diagonal().sum().real.item()

    expected = {name: mean(o.apply_to(identity)) for name, o in system.operators.items()}
    expected["heat_capacity"] = 1.5**2 * (mean(h @ h) - mean(h) ** 2) / 3
    expected |= {"purity": p.square().sum().item(), "energy": mean(h) / 3}
    for name, value in expected.items():
        assert abs(found[name][0] - value) < errors() * found[name][1] + 1e-12, name


def test_numbers_and_spins_are_inverse():
    assert numbers(all_spins(5)).tolist() == list(range(32))


def test_larger_systems_are_compared_with_thermal_lanczos():
    system = declarations.TransverseIsing(nx=3, ny=4, depth=1, beta=1.0).build()
    with pytest.raises(NotKnown, match="12 spins"):
        system.reference()
    f = system.landmarks()
    assert f["thermal Lanczos"] == pytest.approx(-19.90, abs=0.3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nx": 1, "ny": 1}, "1 spins: 2 to 16"),
        ({"nx": 5, "ny": 4}, "20 spins: 2 to 16"),
        ({"nx": 3, "ny": 4, "network": PEIERLS}, "at most 10 spins, not 12"),
        ({"beta": 0}, "beta\n.*greater than 0"),
        ({"depth": 0}, "depth\n.*greater than 0"),
        ({"lattice": "martini"}, "square.*kagome"),
    ],
)
def test_refusals(changes, words):
    with pytest.raises(ValidationError, match=words):
        declarations.TransverseIsing(**SMALL | changes)
