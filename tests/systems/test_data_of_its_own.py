"""Boltzmann generators that learn from populations of their own, carried to the Gibbs state."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from contracts import small
from test_gibbs_state import good

from vfe_lightning.errors import Refused
from vfe_lightning.systems import continuous
from vfe_lightning.trained import built

EVERY = 2


def system(**changes: Any):
    made: Any = built(small("double_well", refresh=EVERY, **{"samples.chains": 100, **changes}))
    made.generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # a flow of the left well alone
        for p in made.model.parameters():
            p.mul_(0.1)
        made.model.bijector.parts[-1].shift.copy_(torch.tensor([-2.5, 0.0]))
        made.model.bijector.parts[-1].log_scale.copy_(torch.tensor([-1.0, 0.0]))
    return made


def test_a_lost_mode_is_in_the_data_again():
    made = system()
    data = made.physics.training.data
    data.copy_(-2.5)
    made.on_train_batch_start(0, 0)
    right = int((data[:, 0] > 0).sum())
    assert (
        abs(2 * right - len(data)) <= 4
    )  # equally many of each well, but for a tooth and the barrier's side
    for side, minimum in ((data[data[:, 0] > 0], 2.35), (data[data[:, 0] < 0], -2.53)):
        assert (side[:, 0] - minimum).abs().max() < 2 and side[:, 1].std() < 2


def test_data_are_new_at_their_steps_alone(monkeypatch):
    made = system()
    data, seen = made.physics.training.data, []
    for step in range(2 * EVERY):
        monkeypatch.setattr(type(made), "global_step", step)
        before = data.clone()
        made.on_train_batch_start(0, 0)
        seen.append(not torch.equal(before, data))
    assert seen == [True, False] * EVERY
    monkeypatch.setattr(type(made), "refresh", 0)
    before = data.clone()
    made.on_train_batch_start(0, 0)
    assert torch.equal(before, data)


def test_a_checkpoint_has_the_data():
    made, other = system(), system()
    made.on_train_batch_start(0, 0)
    checkpoint: dict[str, Any] = {}
    made.on_save_checkpoint(checkpoint)
    assert not torch.equal(other.physics.training.data, made.physics.training.data)
    other.on_load_checkpoint(checkpoint)
    assert torch.equal(other.physics.training.data, made.physics.training.data)


def test_particles_are_named_as_the_flow_names_them(monkeypatch):
    made: Any = built(small("dimer", solvent=2, refresh=1))
    training, names = made.physics.training, made.physics.relabelling
    assert training is not None and names is not None
    walkers = training.data[:, [0, 1, 3, 2]]  # the two of the solvent have changed places
    assert (names.representative(walkers) != walkers).any()
    state = replace(good(), log_z=torch.zeros(1, dtype=torch.float64), x=walkers)
    monkeypatch.setattr(continuous, "finish", lambda *_, **__: state)
    made.on_train_batch_start(0, 0)
    torch.testing.assert_close(names.representative(training.data), training.data)


def test_data_that_nothing_learns_from_are_refused():
    with pytest.raises(Refused, match="refresh"):
        small("double_well", refresh=1, data_weight=0)


@pytest.mark.slow
def test_a_run_with_data_of_its_own_goes_on_as_if_nothing_had_stopped_it(home):
    experiment = small("double_well", refresh=2, **{"trainer.max_steps": 4})
    whole = experiment.run()
    first = experiment.vary(**{"trainer.max_steps": 3}).run()
    again = experiment.run(resume=first.run_id)
    assert again.free_energy == whole.free_energy
