"""Every classical system from hot to cold: what it says is finite, or says why it is not known."""

import math

import pytest
import torch

from vfe_lightning import declarations
from vfe_lightning.errors import NotKnown
from vfe_lightning.streams import make_generator

MADE = {"kind": "made", "depth": 1, "width": 2}
FEW = {"chains": 8, "trajectories": 40}
WELLS = {"samples": FEW, "flow": {"layers": 2, "width": 4}}
PARTICLES = {"flow": {"velocity": {"kind": "pair", "width": 4}, "steps": 4}}
FIELDS = {"flow": {"kind": "monge_ampere", "potentials": 1, "width": 2}}
SYSTEMS = {
    "ising": lambda t: declarations.Ising(L=4, beta=1 / t, network=MADE),
    "odd antiferromagnet": lambda t: declarations.Ising(L=3, J=-1.0, beta=1 / t, network=MADE),
    "open": lambda t: declarations.Ising(L=4, beta=1 / t, periodic=False, network=MADE),
    "ising_triangular": lambda t: declarations.Ising(
        L=6, J=-1.0, lattice="triangular", beta=1 / t, network=MADE
    ),
    "hopfield": lambda t: declarations.Hopfield(n=8, beta=1 / t),
    "sk": lambda t: declarations.SherringtonKirkpatrick(n=8, beta=1 / t, network=MADE),
    "inverse_ising": lambda t: declarations.InverseIsing(n=4, beta=1 / t),
    "potts": lambda t: declarations.Potts(L=3, q=3, beta=1 / t, network=MADE),
    "unequal colours": lambda t: declarations.Potts(L=3, q=4, J=-1.0, beta=1 / t, periodic=False),
    "edwards_anderson": lambda t: declarations.EdwardsAnderson(L=4, beta=1 / t, network=MADE),
    "edwards_anderson in a field": lambda t: declarations.EdwardsAnderson(
        L=4, beta=1 / t, disorder="gaussian", h=0.3, symmetrize=False, network=MADE
    ),
    "xy": lambda t: declarations.XY(L=2, beta=1 / t, flow={"width": 4}),
    "double_well": lambda t: declarations.DoubleWell(beta=1 / t, **WELLS),
    "tilted well": lambda t: declarations.DoubleWell(a=100, b=-0.1, c=0.01, beta=1 / t, **WELLS),
    "mueller_brown": lambda t: declarations.MuellerBrown(beta=1 / t, **WELLS),
    "dimer": lambda t: declarations.Dimer(beta=1 / t, **WELLS),
    "coulomb_trap": lambda t: declarations.CoulombTrap(n=2, beta=1 / t, **PARTICLES),
    "log_gas": lambda t: declarations.LogGas(n=2, coupling=1 / t, **PARTICLES),
    "log_gas on a line": lambda t: declarations.LogGas(n=3, dim=1, coupling=1 / t, **PARTICLES),
    "lj13": lambda t: declarations.LennardJonesCluster(beta=1 / t, samples=FEW, **PARTICLES),
    "phi4": lambda t: declarations.PhiFour(L=2, m2=-1 / t, lam=t, **FIELDS),
    "phi4 in two phases": lambda t: declarations.PhiFour(L=2, m2=-1.0, lam=t, symmetrize=True, **FIELDS),
    "massive phi4": lambda t: declarations.PhiFour(L=2, m2=t, lam=1e-3, **FIELDS),
    "monge_ampere": lambda t: declarations.IsingDual(L=4, beta=1 / t, **FIELDS),
    "neural_rg": lambda t: declarations.IsingDual(
        L=4, beta=1 / t, flow={"kind": "neural_rg", "couplings": 2, "width": 4}, symmetrize=True
    ),
}
SPINS = ("ising", "odd antiferromagnet", "open", "ising_triangular", "hopfield", "sk")
SPINS = (*SPINS, "edwards_anderson", "edwards_anderson in a field")


def numbers(d):
    torch.manual_seed(0)
    system = d.build()
    system.generator = make_generator(torch.device("cpu"), 0, "training")
    return system


@pytest.mark.parametrize("temperature", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("name", SYSTEMS)
def test_from_cold_to_hot(name, temperature):
    system = numbers(SYSTEMS[name](temperature))
    with torch.no_grad():
        estimate = system.estimate(8)
    assert torch.isfinite(estimate.free_energy).all() and torch.isfinite(estimate.energy).all()
    assert all(torch.isfinite(value).all() for value in estimate.observables.values())
    for landmark, value in system.landmarks().items():
        assert math.isfinite(value) or "not converged" in landmark
    try:
        exact = system.reference()
    except NotKnown as error:
        assert len(str(error)) > 20
        return
    assert math.isfinite(exact.free_energy) and exact.free_energy_error < 1e-6 * (1 + abs(exact.free_energy))
    if exact.energy is not None and exact.entropy is not None:
        gap = exact.free_energy - exact.energy + system.temperature * exact.entropy
        bound = exact.free_energy_error + exact.energy_error + system.temperature * exact.entropy_error
        assert abs(gap) <= bound + 1e-12 * abs(exact.free_energy)
    if name in SPINS:
        assert exact.entropy is not None and exact.heat_capacity is not None
        assert -exact.entropy_error <= exact.entropy <= system.size * math.log(2) + exact.entropy_error
        assert exact.heat_capacity >= -exact.heat_capacity_error
        assert system.landmarks()["naive mean field"] >= exact.free_energy - 1e-9 * abs(exact.free_energy)
    for landmark in system.contained():
        assert landmark in system.landmarks()


@pytest.mark.parametrize("beta", [0.5, 10.0, 1e4])
def test_the_solvated_dimer_as_it_is_colder(beta):
    d = declarations.SolvatedDimer(solvent=2, beta=beta, stages=1, samples={"chains": 40, "trajectories": 20})
    with torch.no_grad():
        estimate = numbers(d).estimate(8)
    assert torch.isfinite(estimate.free_energy).all()


def test_a_tolerance_that_cannot_be_met_is_told():
    system = numbers(SYSTEMS["ising"](1.0))
    assert system.reference(1e-9).free_energy_error <= 1e-9
    with pytest.raises(NotKnown, match="within"):
        system.reference(1e-30)
