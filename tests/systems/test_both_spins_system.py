"""The electron gas of both spins as a system: where it starts, what it measures, that its variants agree."""

import math
from functools import partial

import pytest
import torch
from judging import agrees, errors
from small_gas import FIELDS, assert_no_dead_layers, small_gas

from experiments.heg_exact import heg_exact
from vfe_lightning import declarations
from vfe_lightning.declarations import ElectronGas as Declared
from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.hartree_fock import hartree_fock
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.free_energy import make_generator
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy, plane_waves
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.electron_gas import ElectronGas


def system(seed: int = 0, **changes) -> ElectronGas:
    return small_gas(seed, **{"n_up": 2, "n_down": 1} | changes)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("per_state", [1, 2])
def test_an_estimate_is_consistent(dim, per_state):
    gas = system(dim=dim, walkers_per_state=per_state)
    e = gas.estimate(8)
    torch.testing.assert_close(e.energy, e.energies["kinetic"] + e.energies["potential"])
    torch.testing.assert_close(e.free_energy, e.energy - gas.temperature * e.entropy)
    p, psi = e.factors
    assert p.scores().shape == (8 // per_state, sum(q.numel() for q in gas.model.parameters()))
    assert psi.scores().shape == (8, sum(q.numel() for q in gas.wavefunction.parameters()))
    assert float(e.maxima["inversion_residual"]) < 1e-11
    assert float(e.minima["sign_det_jacobian_min"]) == 1
    profiles = {name: profile() for name, profile in e.profiles.items()}
    per_spin = profiles["occupation"].unflatten(1, (2, -1)).sum(2)
    assert torch.equal(per_spin, torch.tensor([2.0, 1.0], dtype=torch.float64).expand(8, -1))
    kinds = [profiles[f"pair_correlation_{kind}"] for kind in ("equal", "opposite")]
    torch.testing.assert_close((kinds[0] + 2 * kinds[1]) / 3, profiles["pair_correlation"])


@pytest.mark.parametrize("occupation", ["ideal_gas", "quasiparticle", "transformer"])
def test_the_entropy_starts_at_that_of_two_ideal_gases(occupation):
    """F_0 of each K is the same for all, since ln p(K) is exact."""
    gas = system(n_up=3, n_down=2, occupation={"kind": occupation})
    e = gas.estimate(16)
    orbitals = plane_waves(2, 4, (0.25, 0.25))
    energies = (2 * math.pi / box_length(5, 2)) ** 2 * orbitals.square().sum(1)
    temperature = 0.3 * fermi_energy(2, 3 / 5)
    assert gas.temperature == pytest.approx(temperature) == pytest.approx(0.3 * 4 * 3 / 5)
    exact = sum(ideal_gas(energies, n, 1 / temperature).free_energy for n in (3, 2))
    occupied = gas.model.sample(16, gas.generator)
    free = energies.repeat(2)[occupied].sum(1) + temperature * gas.model.log_prob(occupied)
    torch.testing.assert_close(free, torch.full_like(free, exact))
    assert e.entropy.shape == (16,)


def test_the_two_ways_to_count_electrons_declare_one_gas():
    assert Declared(n=3, dim=2, rs=1, theta=0.3) == Declared(n_up=3, n_down=0, dim=2, rs=1, theta=0.3)
    assert Declared(n=3, n_down=1, dim=2, rs=1, theta=0.3) == Declared(
        n_up=2, n_down=1, dim=2, rs=1, theta=0.3
    )


def test_every_parameter_receives_a_gradient():
    assert_no_dead_layers(system(n_up=2, n_down=2))


def test_the_kinetic_variants_agree():
    gas = system(flow=FIELDS["flow"] | {"momentum_dependent": True})
    states = gas.states(gas.model.sample(4, gas.generator))
    x, _ = gas.sample_positions(states)
    exact = gas.local_kinetic(states, x).energy
    gas.declaration = gas.declaration.model_copy(update={"kinetic": declarations.ForwardLaplacian()})
    torch.testing.assert_close(gas.local_kinetic(states, x).energy, exact, rtol=1e-9, atol=1e-9)


def test_the_samplers_agree():
    """K and V of 400 walkers of the same state from both samplers."""
    found = []
    for sampler in ({"kind": "determinantal"}, {"kind": "metropolis", "steps": 100}):
        gas = system(sampler=sampler)
        states = gas.states(torch.tensor([0, 1, 13]).expand(400, -1))
        x, _ = gas.sample_positions(states)
        found.append(
            [Moments.of(gas.local_kinetic(states, x).energy.real), Moments.of(gas.hamiltonian.energy(x))]
        )
    for a, b in zip(*found, strict=True):
        assert agrees(a.mean, math.hypot(a.error, b.error), b.mean, samples=400)


def test_hartree_fock_is_the_start_without_the_cusp():
    """K exactly, and V within the error of 300 walkers, of the free fermions themselves."""
    gas = system(n_up=3, n_down=2, dim=3, rs=2, twist=0, theta=0, occupation={"kind": "fermi_sea"})
    expected = hartree_fock(3, 3, 2.0, 0.0, 0.0, 4, 2)
    states = gas.states(gas.model.sample(300, gas.generator))
    z = states.sample(gas.generator)
    assert float(states[:1].k.square().sum()) == pytest.approx(expected.kinetic)
    v = Moments.of(gas.hamiltonian.energy(z))
    assert agrees(v.mean, v.error, expected.potential, samples=300)
    assert gas.landmarks() == {"Hartree-Fock": expected.free_energy}
    assert gas.contained() == frozenset()


@pytest.mark.parametrize(
    ("n_up", "dim"),
    [(1, 2), pytest.param(1, 3, marks=pytest.mark.slow), pytest.param(2, 2, marks=pytest.mark.slow)],
)
def test_mixed_determinants_start_at_the_exact_free_energy(n_up, dim):
    """Without a flow, with the cusp alone: above it, and within two per cent of the temperature."""
    base = {"base_states": {"kind": "configuration_interaction"}, "occupation": {"kind": "levels"}}
    gas = system(n_up=n_up, dim=dim, theta=0.5, flow=FIELDS["flow"] | {"init_scale": 0.0}, **base)
    found = Moments.of(gas.estimate(2000).free_energy)
    exact = gas.reference()
    excess = float(found.mean) - exact.free_energy
    assert excess < 0.02 * gas.size * gas.temperature + errors() * float(found.error)
    assert excess > -errors() * float(found.error) - exact.free_energy_error


@pytest.mark.slow
def test_spins_may_be_exchanged():
    up, down = (system(n_up=m, n_down=3 - m) for m in (2, 1))
    assert up.reference() == down.reference()


def test_four_electrons_are_not_known():
    with pytest.raises(NotKnown, match="n = 4"):
        system(n_up=2, n_down=2).reference()


@pytest.mark.slow
@pytest.mark.parametrize("dim", [2, 3])
def test_training_two_electrons_of_opposite_spin_reaches_the_exact_free_energy(dim):
    """r_s = 1, theta = 0.5: within 2e-3 of it and not below."""
    mixed = {"base_states.kind": "configuration_interaction", "occupation.kind": "levels"}
    made = heg_exact.vary(n_up=1, n_down=1, dim=dim, rs=1, theta=0.5, **mixed)
    gas = ElectronGas(made.system)
    gas.prepare(partial(make_optimizer, made.optimizer), 512, seed=0)
    gas.generator = make_generator(torch.device("cpu"), 0, "training")
    optimizer = gas.configure_optimizers()
    for _ in range(100):
        optimizer.update(gas.estimate(512).factors).at_once()
        optimizer.step()
    final = Moments.of(torch.cat([gas.estimate(512).free_energy.view(-1, 2).mean(1) for _ in range(20)]))
    exact = gas.reference()
    excess, scale = float(final.mean) - exact.free_energy, gas.temperature
    print(f"exact {exact.free_energy:.5f}, found {final.mean:.5f} +- {final.error:.5f} Ry/rs^2")
    assert -errors() * float(final.error) - exact.free_energy_error < excess
    assert excess < 2e-3 * max(scale, abs(exact.free_energy)) + errors() * float(final.error)
