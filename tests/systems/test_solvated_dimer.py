"""The free energy of opening the dimer: alone, where it is known, and what is learned in a fluid."""

import torch
from test_particle_systems import close, evaluated, trained

from vfe_lightning import declarations
from vfe_lightning.hamiltonians.dimer import distance
from vfe_lightning.systems.solvated_dimer import named_from_the_left

SAMPLES = {"chains": 64, "trajectories": 60, "kept": 10, "stride": 5}
ALONE = -1.0773887  # by quadrature


def test_the_dimer_alone():
    system = trained(declarations.SolvatedDimer(solvent=0, stages=2, samples=SAMPLES), 0)
    found = evaluated(system, 20)
    assert found["exact_free_energy_difference"][0] < ALONE + 1e-6
    assert close(found["bennett_difference"], ALONE) and found["bennett_difference"][1] < 0.03
    assert found["bennett_overlap"][0] > 0.9
    (low, low_error), (high, high_error) = found["lower_bound"], found["free_energy"]
    assert low - 4 * low_error < ALONE < high + 4 * high_error and 0 < high - low < 0.5
    assert {"works"} == system.figures().keys()


def test_maps_of_a_dense_fluid_are_learned():
    """The bound falls, and both sides meet much better; 1.06 is by umbrella sampling."""
    d = declarations.SolvatedDimer(stages=2, samples={**SAMPLES, "chains": 32})
    before = evaluated(trained(d, 0), 4)
    after = evaluated(trained(d, 50, batch=32, rate=1e-2, decay=100.0), 4)
    assert after["bennett_overlap"][0] > 5 * before["bennett_overlap"][0]
    assert after["free_energy"][0] < before["free_energy"][0]
    assert close(after["bennett_difference"], 1.06) and after["bennett_difference"][1] < 0.8
    assert before["lower_bound"][0] < after["lower_bound"][0] < 1.06 < after["free_energy"][0]


def test_every_state_has_its_bond_and_its_names():
    system = trained(declarations.SolvatedDimer(solvent=4, stages=2, samples=SAMPLES), 0)
    for stage, length in zip(system.stages, (0.94, 1.50), strict=True):
        x = stage.lower.unseen.flatten(0, 1)
        assert (x[:, 0, 0] <= x[:, 1, 0]).all()
        assert abs(distance(x).median().item() - length) < 0.03
        assert (stage.lower.unseen - stage.upper.unseen)[..., 2:, :].abs().amin(dim=(0, 1)).min() > 1e-6
        assert stage.lower.seen.shape == (16, 10, 6, 2) and stage.lower.unseen.shape == (48, 10, 6, 2)
    x = torch.tensor([[[1.0, 0.0], [-1.0, 0.5], [0.0, 2.0]]]).double()
    assert named_from_the_left(x).tolist() == [[[-1.0, 0.5], [1.0, 0.0], [0.0, 2.0]]]
