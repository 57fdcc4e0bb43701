"""Protons and electrons together: parts of an estimate, the stage of the mean field, both gradients."""

import math

import pytest
import torch
from judging import agrees, not_below
from noise import stirred
from pydantic import ValidationError

from experiments.hydrogen_pair import hydrogen_pair
from vfe_lightning.declarations import DenseHydrogen as Declared
from vfe_lightning.errors import NotInvertible
from vfe_lightning.exact.hydrogen_pair import thermal_pair
from vfe_lightning.exact.proton_hartree_fock import determinant_energy
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.dense_hydrogen import P_FUNCTIONS, POINTS, S_FUNCTIONS, SPACING, DenseHydrogen
from vfe_lightning.units import KELVIN

SMALL = {
    "flow": {"width": 3, "steps": 1},
    "orbitals": {"exponents": (1.4, 0.42)},
    "protons": {"layers": 2, "width": 4, "messages": 0, "start": {"kind": "independent"}},
}
HOT = {"occupation": {"kind": "levels", "levels": 4}, "kelvin": 60_000.0}


def system(strong: float = 0.0, **changes) -> DenseHydrogen:
    torch.manual_seed(0)
    made = DenseHydrogen(Declared.model_validate({"n": 2, "rs": 2.0, "kelvin": 10_000.0} | SMALL | changes))
    made.generator.manual_seed(0)
    for part in (made.wavefunction, made.model, made.occupation):
        if part is not None:
            stirred(part, strong)
    return made.eval()


@pytest.mark.parametrize("n", [2, 4])
def test_an_estimate_is_consistent(n) -> None:
    atoms = system(0.02, n=n)
    e = atoms.estimate(8)
    torch.testing.assert_close(e.energy, e.energies["kinetic"] + e.energies["potential"])
    torch.testing.assert_close(e.free_energy, e.energy - 10_000 / KELVIN * e.entropy)
    assert e.correlated == 4 and len(e.entropy.unique()) == 2
    p, psi = e.factors
    assert p.scores().shape == (2, sum(q.numel() for q in atoms.model.parameters()))
    assert psi.scores().shape == (8, sum(q.numel() for q in atoms.wavefunction.parameters()))
    torch.testing.assert_close(p.cost, e.free_energy.view(2, 4).mean(1) * KELVIN / 10_000)
    gap = (psi.cost.real - e.energy).view(2, 4)  # the energy of orbitals at each S
    torch.testing.assert_close(gap, gap[:, :1].expand(2, 4))
    for name, profile in e.profiles.items():
        assert profile().shape[0] == 8, name


def test_in_its_first_stage_the_protons_alone_are_trained_on_orbitals() -> None:
    atoms = system(0.05, walkers_per_geometry=2)
    atoms.train()
    e = atoms.estimate(40)  # at step 0
    assert [f.name for f in e.factors] == ["p"] and len(e.energy) == 20
    torch.testing.assert_close(e.factors[0].cost, e.free_energy * KELVIN / 10_000)
    assert "kinetic" not in e.energies


def test_independent_protons_have_the_mean_energy_of_orbitals() -> None:
    """Before training p(S) = 1; without cusps and forces Psi is the determinant of each S."""
    atoms = system(walkers_per_geometry=1)
    atoms.wavefunction.flow.cusps = None
    e = atoms.estimate(1500)
    assert not e.entropy.any()
    states = atoms.states(torch.rand(400, 2, 3, dtype=torch.float64))
    expected = Moments.of(determinant_energy(atoms.atoms, states.geometries, states.up, states.down))
    found = Moments.of(e.energy)
    assert agrees(found.mean, torch.hypot(found.error, expected.error), expected.mean, samples=400)


def test_an_estimate_with_levels_is_consistent() -> None:
    atoms = system(0.02, **HOT)
    e = atoms.estimate(8)
    t = 60_000 / KELVIN
    torch.testing.assert_close(e.free_energy, e.energy - t * e.entropy)
    parts = e.observables["proton_entropy"] + e.observables["electron_entropy"]
    torch.testing.assert_close(e.entropy, 2 * parts)
    p, levels, psi = e.factors
    assert [f.name for f in e.factors] == ["p", "occupation", "psi"]
    assert levels.scores().shape == (2, 1 + 4) and psi.scores().shape[0] == 8
    torch.testing.assert_close(p.cost, e.free_energy.view(2, 4).mean(1) / t)
    numbers = e.profiles["occupation"]()  # an electron of either spin in four levels
    assert numbers.shape == (8, 4) and bool((numbers.sum(1) == 1).all())
    assert torch.equal(numbers[0], numbers[3])
    atoms.train()
    first = atoms.estimate(40)  # of its first stage
    assert [f.name for f in first.factors] == ["p", "occupation"]


def test_the_gradient_of_the_levels_is_that_of_the_free_energy() -> None:
    """Of determinants at one S, by the sum over all K; the baseline is in no gradient."""
    atoms = system(0.1, **HOT)
    one = torch.rand(1, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    states = torch.tensor([(a, 4 + b) for a in range(4) for b in range(4)])
    found = atoms.electrons(one.expand(16, 2, 3), states)
    factor = found.factor(atoms.occupation, found.mean_field, math.inf)
    probability = found.log_prob.detach().exp()
    assert float(probability.sum()) == pytest.approx(1.0)
    f = (found.log_prob.exp() * (found.mean_field / atoms.temperature + found.log_prob)).sum()
    gradient = torch.autograd.grad(f, list(atoms.occupation.parameters()))
    by_scores = (probability * factor.cost.detach()) @ factor.scores()
    exact = torch.cat([g.flatten() for g in gradient])
    scale = exact.abs().max()  # small where the levels of S are far apart
    assert scale > 0
    torch.testing.assert_close(by_scores / scale, exact / scale)
    lowest = atoms.electrons(one, torch.tensor([[0, 4]]))
    torch.testing.assert_close(lowest.mean_field, lowest.baseline)
    assert (found.mean_field[1:] > lowest.mean_field).all()


def test_samples_with_levels_are_pairs_that_have_a_density() -> None:
    atoms = system(0.02, **HOT)
    state, x = atoms.sample(6)
    s, occupied = state
    assert s.shape == x.shape == (6, 2, 3) and occupied.shape == (6, 2)
    assert (occupied[:, 0] < 4).all() and (occupied[:, 1] >= 4).all()
    of_s, of_both = atoms.log_prob(s), atoms.log_prob(state)
    assert (of_both < of_s).all() and atoms.log_psi(state, x).isfinite().all()
    ground = torch.tensor([0, 4]).expand(6, 2)
    torch.testing.assert_close(atoms.log_psi(s, x), atoms.log_psi((s, ground), x))


@pytest.mark.parametrize("levels", [1, 5])
def test_levels_are_more_than_electrons_and_no_more_than_orbitals(levels: int) -> None:
    with pytest.raises(ValidationError, match="allowed are 2 to 4"):
        system(occupation={"kind": "levels", "levels": levels})


def test_a_fold_stops_with_one_line() -> None:
    atoms = system()
    with torch.no_grad():
        for p in atoms.model.parameters():
            p.fill_(50.0)
    with pytest.raises(NotInvertible, match="a layer of the flow folds"):
        atoms.estimate(64)


def test_numbers_with_the_motion_of_nuclei_and_the_pressure() -> None:
    atoms = system()
    energy = Moments.exactly(-0.5)
    atoms.evaluation = {
        "free_energy": energy,
        "energy": energy,
        "entropy": Moments.exactly(-0.1),
        "kinetic": Moments.exactly(0.5),
        "potential": Moments.exactly(-1.0),
        "virial": Moments.exactly(0.0),
    }
    found = atoms.derived()
    t, volume = 10_000 / KELVIN, 4 * math.pi / 3 * 2.0**3
    assert float(found["energy_with_motion"].mean) == pytest.approx(-0.5 + 1.5 * t)
    # an ideal gas where the virial is nothing; 29421.0 GPa in a Hartree per cubic Bohr
    assert float(found["pressure"].mean) == pytest.approx(t / volume * 29421.0, rel=1e-4)
    # independent protons: n! and the thermal wavelength of each
    wavelength = math.sqrt(2 * math.pi / (1836.0 * t))
    ideal = 1.5 + math.log(2 * volume / wavelength**3) - math.log(2) / 2
    assert float(found["entropy_with_motion"].mean) == pytest.approx(-0.1 + ideal, rel=1e-9)
    f, e, s = (float(found[f"{k}_with_motion"].mean) for k in ("free_energy", "energy", "entropy"))
    assert f - (-0.5) == pytest.approx(e - (-0.5) - t * (s - (-0.1)))


def test_an_odd_number_of_atoms_is_refused() -> None:
    with pytest.raises(ValidationError, match="multiple of 2"):
        system(n=3)


@pytest.mark.slow
def test_two_atoms_reach_their_exact_free_energy(home) -> None:
    """Not below all states of a basis by more than what the basis lacks, and within 5 mHa an atom."""
    result = hydrogen_pair.vary(**{"trainer.progress_bar": False}).run()
    exact = result.landmarks["full configuration interaction"]
    assert not_below(result.free_energy + 0.002, result.free_energy_error, exact)
    assert result.free_energy - exact < 0.005 + 4 * result.free_energy_error
    assert result.entropy < 4 * result.entropy_error


@pytest.mark.slow
def test_two_hot_atoms_reach_the_free_energy_of_all_their_states(home) -> None:
    """F, E and both entropies, per cube, against the quadrature over all states at each distance."""
    levels = {"occupation": {"kind": "levels", "levels": 8}, "trainer.progress_bar": False}
    result = hydrogen_pair.vary(kelvin=40_000.0, **levels).run()
    exact = thermal_pair(2.0, 40_000.0, POINTS, SPACING, S_FUNCTIONS, P_FUNCTIONS)
    f, error = result.number("total_free_energy")
    assert not_below(f + 0.004, error, exact.free_energy) and f - exact.free_energy < 0.01 + 4 * error
    found, error = result.number("electron_entropy")
    assert agrees(2 * found, 2 * error, exact.electron_entropy) and 2 * error < 0.02
    assert 2 * result.number("proton_entropy")[0] < 0
