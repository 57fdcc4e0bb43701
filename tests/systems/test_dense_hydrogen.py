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
from vfe_lightning.exact.proton_hartree_fock import determinant_energy
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.dense_hydrogen import DenseHydrogen
from vfe_lightning.units import KELVIN

SMALL = {
    "flow": {"width": 3, "steps": 1},
    "orbitals": {"exponents": (1.4, 0.42)},
    "protons": {"layers": 2, "width": 4, "messages": 0, "start": {"kind": "independent"}},
}


def system(strong: float = 0.0, **changes) -> DenseHydrogen:
    torch.manual_seed(0)
    made = DenseHydrogen(Declared.model_validate({"n": 2, "rs": 2.0, "kelvin": 10_000.0} | SMALL | changes))
    made.generator.manual_seed(0)
    for part in (made.wavefunction, made.model):
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
