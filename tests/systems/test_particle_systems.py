"""Particles and molecules as the training sees them, against exact free energies."""

import math

import pytest
import torch
from judging import agrees, errors
from stepping import evaluate, prepared, train

from vfe_lightning import declarations
from vfe_lightning.declarations import Adam

SMALL = {"flow": {"velocity": {"kind": "pair", "width": 16}, "steps": 6}}


def trained(declaration, steps, batch=128, rate=1e-2, decay=100.0):
    return train(prepared(declaration, Adam(learning_rate=rate, decay=decay, max_norm=10.0), batch), steps)


def close(found, exact):
    return agrees(*found, exact)


def test_two_charges_reach_their_exact_free_energy():
    system = trained(declarations.CoulombTrap(n=2, dim=2, beta=10.0, **SMALL), 80)
    exact = system.reference()
    found = evaluate(system, 40)
    f, error = found["free_energy"]
    assert exact.free_energy - errors() * error < f < exact.free_energy + 0.1  # it starts 0.5 to 0.8 above
    assert found["importance_free_energy"][1] < 5e-3
    assert close(found["importance_free_energy"], exact.free_energy)
    assert close(found["reweighted_energy"], exact.energy)
    assert close(found["reweighted_virial_residual"], 0.0)
    assert found["effective_sample_size"][0] > 0.3
    assert {"density", "configurations"} == system.figures().keys()


def test_independent_particles_bound_the_free_energy():
    for d in (
        declarations.CoulombTrap(n=2, dim=3, beta=1.0),
        declarations.LogGas(n=2, dim=2, coupling=3.0),
        declarations.LogGas(n=5, dim=1, coupling=2.0),
    ):
        system = d.build()
        bound = system.landmarks()["independent particles"]
        assert system.reference().free_energy < bound
        # the flow starts at the best independent particles, with the exact centre of mass
        generator = torch.Generator().manual_seed(0)
        x, log_prob = system.model.rsample(2000, generator)
        f = (system.hamiltonian.energy(x) + log_prob / system.physics.beta).detach()
        assert f.mean() < bound + errors() * f.std() / math.sqrt(len(f))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("declaration", "square_radius"),
    [
        (declarations.LogGas(n=6, dim=2, coupling=2.0), 21.0),
        (declarations.LogGas(n=2, dim=2, coupling=5.0), 4.5),
    ],
)
def test_log_gases(declaration, square_radius):
    system = trained(declaration, 300, batch=256, rate=5e-3, decay=150.0)
    found = evaluate(system, 60)
    assert close(found["importance_free_energy"], system.reference().free_energy)
    assert close(found["reweighted_square_radius"], square_radius)
    assert close(found["reweighted_virial_residual"], 0.0)


@pytest.mark.slow
def test_double_well_by_energy_and_data():
    system = trained(declarations.DoubleWell(), 600, batch=512, rate=3e-3, decay=200.0)
    found = evaluate(system, 200)
    assert close(found["importance_free_energy"], -12.0649290)
    assert close(found["free_energy_difference"], 4.777274)
    assert found["free_energy_difference"][1] < 0.03
    assert found["uncovered_data"][0] < 0.01


@pytest.mark.slow
def test_dimer_without_solvent():
    system = trained(declarations.Dimer(), 400, batch=512, rate=3e-3, decay=200.0)
    found = evaluate(system, 200)
    assert close(found["importance_free_energy"], -11.6368991)
    assert close(found["free_energy_difference"], -1.0773887)
