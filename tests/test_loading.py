"""Torch, Lightning and MLflow are imported without a search for garbage, which would take as long again."""

import gc
import sys
from importlib import import_module

import pytest
from processes import BRIEF

from vfe_lightning.command_line import main
from vfe_lightning.errors import Refused
from vfe_lightning.loading import loading

WATCHED = ("vfe_lightning.carry_out", "vfe_lightning.tracking.opening")


@pytest.fixture
def searched(monkeypatch):
    """Whether garbage is searched for while each of the two modules is imported."""
    seen: dict[str, bool] = {}

    class Watch:
        def find_spec(self, name, *_):
            if name in WATCHED:
                seen[name] = gc.isenabled()

    for name in WATCHED:
        parent, _, last = name.rpartition(".")
        monkeypatch.setattr(import_module(parent), last, import_module(name))  # as it is found again
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Watch(), *sys.meta_path])
    return seen


def test_imports_of_a_run_are_not_searched(home, searched, capsys):
    with pytest.raises(Refused, match="no run"):
        BRIEF.run(resume="nothing")
    assert searched == dict.fromkeys(WATCHED, False) and gc.isenabled()


def test_nor_are_those_of_its_command_line(home, searched, capsys):
    with pytest.raises(SystemExit):
        main(BRIEF, ["--resume", "nothing"])
    assert searched["vfe_lightning.tracking.opening"] is False and gc.isenabled()


def test_who_has_turned_the_search_off_keeps_it_so():
    gc.disable()
    try:
        with loading():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
    with pytest.raises(ImportError), loading():
        raise ImportError
    assert gc.isenabled()
