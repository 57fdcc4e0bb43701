"""Experiments are found by name, as an object of a module, and in a script."""

import sys
from pathlib import Path

import pytest
from toy import toy

from experiments.ising import ising
from vfe_lightning.errors import Refused
from vfe_lightning.study.named import named, names

SCRIPT = "from toy import toy\n\nwarm, cold = toy.vary(temperature=2), toy.vary(temperature=0.1)\ntext = 1\n"


def test_an_experiment_of_the_checkout():
    assert named("ising") == ising and {"ising", "heg2d", "tfim"} <= set(names())


def test_an_object_of_a_module():
    assert named("toy:toy") == toy


def test_the_script_that_declares_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert named(str(Path(__file__).parents[1] / "toy.py")) is toy
    script = tmp_path / "two_of_mine.py"
    script.write_text(SCRIPT)
    assert named(f"{script}:cold").system.temperature == 0.1


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("isng", "one of alanine_dipeptide, "),
        ("no_such.module:it", "No module named 'no_such'"),
        ("toy:nothing", "toy:nothing is no experiment: of toy name one, toy:NAME"),
        ("toy:sys", "toy:sys is no experiment"),
        ("nowhere.py", "there is no file nowhere.py"),
        ("FOLDER/mine_too.py", "of toy, warm, cold name one"),
        ("FOLDER/toy_system.py", "has the name of another module"),
    ],
)
def test_others_are_refused(word, words, tmp_path, monkeypatch):
    import toy_system  # noqa: F401

    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("mine_too", "toy_system"):
        (tmp_path / f"{name}.py").write_text(SCRIPT)
    with pytest.raises(Refused) as refusal:
        named(word.replace("FOLDER", str(tmp_path)))
    assert words in str(refusal.value)
