"""What is typed as values, as a range or as one value."""

import json

import optuna
import pytest
from toy import toy

from experiments.ising import ising
from vfe_lightning.command_line import split
from vfe_lightning.errors import Refused
from vfe_lightning.study.axes import Range, Values, axes_of, values


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("0.2, 0.4", ["0.2", "0.4"]),
        ("one", ["one"]),
        ("[1,2]", ["[1,2]"]),
        ("[1,2],[3,[4,5]]", ["[1,2]", "[3,[4,5]]"]),
        (3, [3]),
    ],
)
def test_commas_within_brackets_separate_nothing(typed, found):
    assert values(typed) == found


def test_lists_are_axes_in_the_order_given_and_the_rest_is_fixed():
    flags = {"seed": "2,1", "L": "4", "network.kind": "made,bernoulli", "periodic": "true,false"}
    axes, fixed, first = axes_of(ising, flags)
    assert axes == [
        Values("seed", (2, 1)),
        Values("network.kind", ("made", "bernoulli")),
        Values("periodic", (True, False)),
    ]
    assert fixed == {"L": "4"}
    assert (first["seed"], first["L"], first["network"]["kind"], first["periodic"]) == (2, 4, "made", True)


def test_ranges_have_the_type_of_the_field():
    flags = {
        "L": "2:8",
        "beta": "1e-1:1",
        "optimizer.learning_rate": "1e-4:1:log",
        "batch_size": "10:100:log",
    }
    flags |= {"network.kind": "bernoulli"}  # of any L
    axes, fixed, _ = axes_of(ising, flags)
    assert axes == [
        Range("L", 2, 8, False),
        Range("beta", 0.1, 1.0, False),
        Range("optimizer.learning_rate", 1e-4, 1.0, True),
        Range("batch_size", 10, 100, True),
    ]
    assert fixed == {"network.kind": "bernoulli"}
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    asked = {axis.name: axis.ask(trial) for axis in axes}
    assert isinstance(asked["L"], int) and isinstance(asked["batch_size"], int)
    assert all(axis.low <= asked[axis.name] <= axis.high for axis in axes if isinstance(axis, Range))


def test_a_part_is_one_value():
    flags, _ = split(["--network", json.dumps({"kind": "made", "width": 4}), "--beta", "0.1,0.2"])
    axes, fixed, first = axes_of(ising, flags)
    assert axes == [Values("beta", (0.1, 0.2))] and fixed == {"network.kind": "made", "network.width": 4}
    assert (first["network"]["kind"], first["network"]["width"]) == ("made", 4)


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("temperature", "1,x", "temperature = x is not allowed"),
        ("temperature", "1,-1", "(T, in units of the level spacing: number > 0)"),
        ("temperature", "1,,2", "temperature =  is not allowed"),
        ("temperature", "0.5,0.50", "a value is given twice"),
        ("temperature", "1:0.5", "the first end is to be the lower one"),
        ("temperature", "0:1", "temperature = 0"),
        ("seed", "0:5:log", "decades are of numbers > 0"),
        ("optimizer.kind", "1:2", "optimizer.kind = 1 is not allowed: one of"),
        ("name", "1:2", "this is no number"),
        ("temprature", "1,2", "did you mean --temperature?"),
    ],
)
def test_what_some_point_does_not_allow_is_refused(name, typed, words):
    with pytest.raises(Refused) as refusal:
        axes_of(toy, {name: typed})
    assert words in str(refusal.value)
