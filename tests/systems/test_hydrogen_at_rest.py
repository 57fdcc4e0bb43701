"""Electrons among protons at rest as a system: its parts, that it is a bound, and that it trains."""

import json
import math

import pytest
import torch
from hydrogen import two_atoms, two_molecules
from judging import not_below
from noise import stirred
from pydantic import ValidationError

from vfe_lightning.declarations import ElectronFlow, NaturalGradient, TrustRegion
from vfe_lightning.declarations import HydrogenAtRest as Declared
from vfe_lightning.exact.hydrogen_pair import full_interaction
from vfe_lightning.exact.proton_hartree_fock import determinant_energy
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.hydrogen_at_rest import HydrogenAtRest

FLOW = {"width": 4, "steps": 2}


def system(strong: float = 0.0, **changes) -> HydrogenAtRest:
    protons, length = two_atoms()
    fields = {"protons": protons.tolist(), "length": length, "flow": FLOW}
    fields |= {"orbitals": {"exponents": (1.4, 0.42)}} | changes
    torch.manual_seed(0)
    made = HydrogenAtRest(Declared.model_validate(fields))
    made.generator.manual_seed(0)
    stirred(made.wavefunction, strong)
    return made


@pytest.mark.parametrize("n_up", [None, 3])
def test_an_estimate_is_consistent(n_up) -> None:
    protons, length = two_molecules()
    atoms = system(strong=0.02, protons=protons.tolist(), length=length, n_up=n_up)
    e = atoms.estimate(6)
    torch.testing.assert_close(e.energy, sum(e.energies.values()))
    assert torch.equal(e.free_energy, e.energy) and not e.entropy.any()
    total = atoms.hamiltonian.energy(torch.cat([e.samples(), atoms.protons.expand(6, -1, -1)], 1))
    torch.testing.assert_close(e.energy, e.energies["kinetic"] + total)
    scores = e.factors[1].scores()
    assert scores.shape == (6, sum(p.numel() for p in atoms.wavefunction.parameters()))
    for name, profile in e.profiles.items():
        assert profile().shape[0] == 6, name
    assert {"pair_correlation_proton", "pair_correlation_opposite"} <= e.profiles.keys()


@pytest.mark.parametrize("twist", [0.0, 0.5])
def test_without_cusps_it_starts_at_the_mean_field_energy(twist: float) -> None:
    """From 1000 walkers; the local energy has a tail as of 1/r then, and its error one as of 1/r^2."""
    protons, _ = two_atoms()
    atoms = system(twist=twist)
    atoms.wavefunction.flow.cusps = None
    found = Moments.of(atoms.estimate(1000).energy)
    expected = float(determinant_energy(atoms.atoms, protons[None], atoms.up, atoms.down))
    assert abs(float(found.mean) - expected) < 7 * float(found.error) + 2e-4
    assert 0.01 < float(found.error) < 0.5


def test_it_is_a_bound_and_training_lowers_it() -> None:
    """From forces that are strong and wrong, down to a few hundredths above the lowest energy."""
    protons, length = two_atoms()
    atoms = system()
    for parameter in atoms.wavefunction.parameters():
        parameter.data += 0.3
    start = Moments.of(atoms.estimate(2400).energy)
    region = TrustRegion(max_norm=2e-2, momentum=0.5, damping=1e-2)
    optimizer = make_optimizer(NaturalGradient(quantum=region), atoms)
    for _ in range(14):
        optimizer.update(atoms.estimate(120).factors).at_once()
        optimizer.step()
    end = Moments.of(atoms.estimate(900).energy)
    drop = float(start.mean - end.mean)
    assert drop > 6.5 * math.hypot(float(start.error), float(end.error))
    lowest = full_interaction(protons, length, 0.25, (5.0, 1.4, 0.42, 0.15), (1.1, 0.4))[0]
    # what the s and p functions of this basis miss is less than what p functions gain, 10 mHa
    assert not_below(float(end.mean), float(end.error), float(lowest) - 0.01, samples=900)


@pytest.mark.parametrize("twist", [0.0, [0.5, 0.0, 0.0]])
def test_landmarks_are_in_order(twist) -> None:
    known = system(twist=twist).landmarks()
    screened, mean_field, all_states = known.values()
    assert list(known)[1] == "Hartree-Fock"
    assert all_states < mean_field - 0.005 and mean_field < screened


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"protons": [[0.0, 0.0]]}, "three coordinates"),
        ({"protons": []}, "three coordinates"),
        ({"n_up": 3}, "as many as protons"),
        ({"orbitals": {"exponents": [-1.0]}}, "greater than 0"),
        ({"orbitals": {"exponents": []}}, "at least 1"),
        ({"length": 0}, "greater than 0"),
        ({"twist": 0.25}, "0 and .5 along each axis"),
        ({"twist": "average"}, "0 and .5 along each axis"),
        ({"twist": [0.5, 0.0]}, "twist"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, why: str) -> None:
    fields = {"protons": [[0, 0, 0], [1.4, 0, 0]], "length": 6.0} | changes
    with pytest.raises(ValidationError, match=why):
        Declared.model_validate(fields)


def test_protons_are_flags_and_files(tmp_path) -> None:
    rows = [[0, 0, 0], [1.4, 0, 0]]
    (tmp_path / "protons.json").write_text(json.dumps(rows))
    (tmp_path / "protons.csv").write_text("0,0,0\n1.4,0,0\n")
    given = [rows, json.dumps(rows), str(tmp_path / "protons.json"), str(tmp_path / "protons.csv")]
    found = {Declared.model_validate({"protons": p, "length": 6.0}).protons for p in given}
    assert found == {((0.0, 0.0, 0.0), (1.4, 0.0, 0.0))}


def test_pairs_have_a_lower_energy_than_a_determinant_where_a_bond_is_broken() -> None:
    """At 5 Bohr it gains a tenth of a Hartree, eleven errors of 1200 walkers each."""
    protons = [[3.0, 6.0, 6.0], [8.0, 6.0, 6.0]]
    orbitals = {"exponents": (1.4, 0.42, 0.15), "pairing": 1.0}
    atoms = system(protons=protons, length=12.0, orbitals=orbitals)
    assert atoms.wavefunction.pairing is not None
    found = []
    for empty in (0.0, -1.0):
        with torch.no_grad():
            atoms.wavefunction.pairing.weight.copy_(torch.tensor([1.0, empty]))
        found.append(Moments.of(atoms.estimate(1200).energy))
    alone, paired = found
    drop = float(alone.mean - paired.mean)
    assert drop > 6.5 * math.hypot(float(alone.error), float(paired.error))


@pytest.mark.parametrize(("pairing", "levels"), [(0.5, "1 levels"), (5, "10 levels")])
def test_levels_that_pairs_cannot_be_in_are_refused(pairing: float, levels: str) -> None:
    orbitals = {"exponents": (1.4, 0.42), "pairing": pairing}
    with pytest.raises(
        ValidationError, match=f"{levels} for 1 pairs; allowed are 2 to 4 levels, 1 to 2 an atom, or 0"
    ):
        Declared.model_validate({"protons": [[0, 0, 0], [1.4, 0, 0]], "length": 4.0, "orbitals": orbitals})


def test_declarations_of_runs_before_forces_of_three_bodies_are_read() -> None:
    assert ElectronFlow.model_validate({"width": 4, "messages": 0}) == ElectronFlow(width=4)
    with pytest.raises(ValidationError, match="allowed is 0"):
        ElectronFlow.model_validate({"messages": 2})
