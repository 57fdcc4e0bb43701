"""The free energy of opening the dimer: alone, where it is known, and what is learned in a fluid."""

import pytest
import torch
from judging import errors
from stepping import evaluate
from test_particle_systems import close, trained

from vfe_lightning import declarations
from vfe_lightning.hamiltonians.dimer import distance
from vfe_lightning.systems import solvated_dimer
from vfe_lightning.systems.solvated_dimer import named_from_the_left

SAMPLES = {"chains": 64, "trajectories": 60, "kept": 10, "stride": 5}
ALONE = -1.0773887  # by quadrature


def test_the_dimer_alone():
    system = trained(declarations.SolvatedDimer(solvent=0, stages=2, samples=SAMPLES), 0)
    found = evaluate(system, 20)
    assert found["exact_free_energy_difference"][0] < ALONE + 1e-6
    assert close(found["bennett_difference"], ALONE) and found["bennett_difference"][1] < 0.03
    assert found["bennett_overlap"][0] > 0.9
    (low, low_error), (high, high_error) = found["lower_bound"], found["free_energy"]
    assert low - errors() * low_error < ALONE < high + errors() * high_error and high - low < 0.5
    assert {"works"} == system.figures().keys()


@pytest.mark.slow
def test_maps_of_a_dense_fluid_are_learned():
    """The bounds close in, and both sides meet better; 1.06 is by umbrella sampling."""
    d = declarations.SolvatedDimer(stages=2, samples={**SAMPLES, "chains": 32})
    before = evaluate(trained(d, 0), 4)
    after = evaluate(trained(d, 50, batch=32, rate=1e-2, decay=100.0), 4)
    assert after["bennett_overlap"][0] > 1.5 * before["bennett_overlap"][0]
    gaps = [found["free_energy"][0] - found["lower_bound"][0] for found in (before, after)]
    assert gaps[1] < 0.7 * gaps[0]  # to a third and less
    assert close(after["bennett_difference"], 1.06) and after["bennett_difference"][1] < 1.5
    assert after["lower_bound"][0] < 1.06 < after["free_energy"][0]


def test_every_state_has_its_bond_and_its_names():
    system = trained(declarations.SolvatedDimer(solvent=4, stages=2, samples=SAMPLES), 0)
    for stage, length in zip(system.stages, (0.94, 1.50), strict=True):
        x = stage.lower.unseen.flatten(0, 1)
        assert (x[:, 0, 0] <= x[:, 1, 0]).all()
        assert abs(distance(x).median().item() - length) < 0.03
        assert stage.lower.seen.shape == (16, 10, 6, 2) and stage.lower.unseen.shape == (48, 10, 6, 2)
    x = torch.tensor([[[1.0, 0.0], [-1.0, 0.5], [0.0, 2.0]]]).double()
    assert named_from_the_left(x).tolist() == [[[-1.0, 0.5], [1.0, 0.0], [0.0, 2.0]]]


def test_every_state_has_random_numbers_of_its_own(monkeypatch):
    drawn = []

    def recorded(hamiltonian, start, beta, samples):
        drawn.append(samples.seed)
        return samples_of(hamiltonian, start, beta, samples)

    samples_of = solvated_dimer.samples_of
    monkeypatch.setattr(solvated_dimer, "samples_of", recorded)
    few = {"chains": 40, "trajectories": 2, "kept": 1, "stride": 1}
    for seed in range(2):
        d = declarations.SolvatedDimer(solvent=0, stages=2, samples={**few, "seed": seed})
        for stage in range(3):
            solvated_dimer.state_of(d, stage)
    assert len(set(drawn)) == len(drawn) == 6
