"""An experiment is data: it varies, refuses, and goes to JSON and back."""

import pytest
from pydantic import ValidationError
from toy import toy

from vfe_lightning.declarations import Adam, ElectronGas, IdealGas, NaturalGradient, System, Trainer
from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.declarations.system import NAMES_OF_A_RUN
from vfe_lightning.errors import Refused
from vfe_lightning.experiment import Experiment
from vfe_lightning.usage import OWN_FLAGS

GAS = Experiment(name="gas", system=ElectronGas(n=7, dim=3, rs=10.0, theta=0.15, cutoff=5), batch_size=64)


def test_vary_reaches_the_system_its_parts_and_the_run():
    other = GAS.vary(rs=5, **{"flow.depth": 3, "trainer.max_steps": 10}, seed=7)
    assert (other.system.rs, other.system.flow.depth, other.trainer.max_steps, other.seed) == (5.0, 3, 10, 7)
    assert other.system.flow.width == GAS.system.flow.width
    assert GAS.system.rs == 10.0


def test_vary_switches_kinds():
    assert isinstance(GAS.vary(**{"occupation.kind": "ideal_gas"}).system.occupation, IdealGas)
    assert GAS.vary(occupation=IdealGas()).system.occupation == IdealGas()
    assert GAS.vary(optimizer={"kind": "adam", "learning_rate": 0.5}).optimizer == Adam(learning_rate=0.5)
    assert GAS.vary(**{"optimizer.quantum.damping": 0.5}).optimizer.quantum.damping == 0.5
    ground = GAS.vary(theta=0, **{"occupation.kind": "fermi_sea"})
    assert ground.system.theta == 0


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ([{"n": 5}], (5, 5, 0)),
        ([{"n_down": 7}], (14, 7, 7)),
        ([{"n_up": 3, "n_down": 2}], (5, 3, 2)),
        ([{"n": 5, "n_down": 2}], (5, 3, 2)),
        ([{"n_down": 7}, {"n": 4}], (4, 4, 0)),
        ([{"n_down": 7}, {"n_up": 5}], (12, 5, 7)),
    ],
)
def test_a_change_of_one_count_of_electrons_changes_those_that_follow(changes, counts):
    gas = GAS
    for change in changes:
        gas = gas.vary(**change)
    assert (gas.system.n, gas.system.n_up, gas.system.n_down) == counts


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rss": 5}, "did you mean rs?"),
        ({"flow.dept": 3}, "did you mean flow.depth?"),
        ({"rs": -1}, "rs = -1 is not allowed"),
        ({"trainer.max_steps": -1}, "trainer.max_steps = -1"),
        ({"optimizer.kind": "adagrad"}, "one of natural_gradient, adam"),
        ({"theta": 0}, "heg2d_ground_state"),
        ({"n": 100}, "cutoff = 5 gives 57"),
        ({"occupation": {"kind": "ideal_gas", "layers": 2}}, "there is no occupation.layers"),
    ],
)
def test_vary_refuses_with_the_remedy(changes, words):
    with pytest.raises(Refused) as refusal:
        GAS.vary(**changes)
    assert words in str(refusal.value) and "\n" not in str(refusal.value)


def test_experiments_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        GAS.seed = 3


@pytest.mark.parametrize(
    "experiment", [GAS, toy, GAS.vary(optimizer=NaturalGradient(decay=7), tags={"a": "b"})]
)
def test_declaration_round_trip(experiment):
    assert experiment.redeclared(experiment.declared()) == experiment


def test_label_tells_the_physics():
    assert GAS.vary(twist=0.25).label() == "n=7 dim=3 rs=10 theta=0.15 twist=0.25 cutoff=5 #42"


def test_label_tells_both_spins():
    label = "n_up=5 n_down=2 dim=3 rs=10 theta=0.15 cutoff=5 #42"
    assert GAS.vary(n_up=5, n_down=2).label() == label


def test_names_of_a_run_are_all_that_systems_leave_alone():
    assert set(DeclaredExperiment.model_fields) | OWN_FLAGS.keys() == NAMES_OF_A_RUN
    with pytest.raises(TypeError, match=r"Shadow\.seed: this name is one of the run"):

        class Shadow(System):
            seed: int = 0


def test_labels_tell_what_was_varied():
    base = GAS.vary(twist=0.25)
    varied = [base, base.vary(batch_size=128), base.vary(seed=1), base.vary(**{"optimizer.decay": 7})]
    assert len({experiment.label() for experiment in varied}) == len(varied)
    plumbing = {"progress_bar": False, "threads": 2, "accelerator": "cpu", "checkpoint_every": 7}
    assert set(plumbing) == Trainer.plumbing
    assert base.vary(trainer=plumbing).label() == base.label()
    long = [base.vary(tags={"why": f"{'long ' * 40}{number}"}) for number in range(2)]
    assert long[0].label() != long[1].label() and len(long[0].label()) <= 100
