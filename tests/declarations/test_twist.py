"""Twists as they are typed and recorded; a plain number is what it always was."""

import json

import pytest

from experiments.heg2d import heg2d
from vfe_lightning.command_line import parse, split
from vfe_lightning.declarations import Baldereschi, MonkhorstPack, TwistAverage
from vfe_lightning.errors import Refused
from vfe_lightning.study.axes import axes_of

TYPED = {
    "--twist -0.25": (-0.25, (-0.25, -0.25)),
    "--twist 0": (0.0, (0.0, 0.0)),
    "--twist .25,-.1": ((0.25, -0.1), (0.25, -0.1)),
    "--twist [.25,0]": ((0.25, 0.0), (0.25, 0.0)),
    "--twist baldereschi": (Baldereschi(), (0.25, 0.25)),
    "--twist average": (TwistAverage(), TwistAverage()),
    "--twist.kind average": (TwistAverage(), TwistAverage()),
    "--twist monkhorst_pack": (MonkhorstPack(), MonkhorstPack(points=4)),
    "--twist.kind monkhorst_pack --twist.points 3": (MonkhorstPack(points=3), MonkhorstPack(points=3)),
    '--twist {"kind":"monkhorst_pack","points":3}': (MonkhorstPack(points=3), MonkhorstPack(points=3)),
}


@pytest.mark.parametrize("line", TYPED)
def test_what_is_typed_is_declared_recorded_and_typed_again(line):
    experiment = parse(heg2d, line.split()).experiment
    assert (experiment.system.twist, experiment.system.twists) == TYPED[line]
    recorded = json.loads(json.dumps(experiment.declared()))
    assert heg2d.redeclared(recorded) == experiment
    assert parse(experiment, line.split()).experiment == experiment  # as with --resume
    assert parse(experiment, ["--twist", "0.1"]).experiment.system.twist == 0.1


def test_a_number_is_recorded_as_it_was():
    """So that old runs are found, loaded and gone on with."""
    assert heg2d.declared()["twist"] == 0.25 and heg2d.parameters()["twist"] == 0.25
    assert heg2d.vary(twist=0.1).label() == "n=13 dim=2 rs=10 theta=0.15 twist=0.1 walkers_per_state=2 #42"
    assert "twist=average" in heg2d.vary(twist="average").label()
    assert heg2d.vary(twist="average").parameters()["twist.kind"] == "average"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--twist 0.7", "twist: 0.7 is to be .* less than or equal to 0.5"),
        ("--twist nan", "twist: nan is no finite number"),
        ("--twist .1,.2,.3", "has 3 components, in dim = 2"),
        ("--twist none", "no number and none of average, baldereschi, monkhorst_pack"),
        ("--twist.kind none", "twist.kind = none is not allowed: one of average, baldereschi"),
        ("--twist.points 3", "there is no --twist.points, but with --twist.kind monkhorst_pack"),
        ("--twist.kind monkhorst_pack --twist.points 0", "points = 0 is not allowed.*greater than 0"),
        ("--twist average --n 2 --base_states.kind configuration_interaction --occupation.kind levels",
         "of one twist, not of many"),
    ],
)  # fmt: skip
def test_what_makes_no_twist_is_refused(line, words):
    with pytest.raises(Refused, match=words):
        parse(heg2d, line.split())


def test_files_take_what_is_typed(tmp_path):
    for text, twist in (
        ("average", TwistAverage()),
        ("[0.1, 0.2]", (0.1, 0.2)),
        ("{kind: baldereschi}", Baldereschi()),
    ):
        file = tmp_path / "point.yaml"
        file.write_text(f"twist: {text}\n")
        assert parse(heg2d, ["--config", str(file)]).experiment.system.twist == twist
        assert parse(heg2d, ["--config", str(file), "--twist", "0.2"]).experiment.system.twist == 0.2


def test_twists_are_an_axis_of_a_scan():
    (axis,), fixed, first = axes_of(heg2d, split(["--twist", "0,[.1,.2],average"])[0])
    assert fixed == {} and first["twist"] == 0.0
    wanted = [0.0, (0.1, 0.2), TwistAverage()]
    for value, twist in zip(axis.values, wanted, strict=True):
        asked = parse(heg2d, ["--twist", str(value)]).experiment
        assert asked.system.twist == twist and axis.of(asked.declared()) == value
