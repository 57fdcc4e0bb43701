"""Where there is no terminal there are lines."""

import sys
from types import SimpleNamespace

from toy import toy
from tqdm.auto import tqdm

from vfe_lightning.tracking import progress


def test_a_log_file_has_whole_lines(client, monkeypatch, capsys):
    monkeypatch.setattr(progress, "PACE_IN_FILES", 0.0)
    toy.run()
    err = capsys.readouterr().err
    assert "\r" not in err
    lines = err.splitlines()
    assert lines[0].startswith("train 1/20, ") and "s a step, F = " in lines[0] and "hbar omega" in lines[0]
    assert any(line.startswith("evaluate 4/4, ") for line in lines)


def test_a_notebook_has_a_bar_of_its_own(monkeypatch):
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    shown = progress.Progress("J")
    shown.open(3, 0, "train")
    assert isinstance(shown.bar, tqdm)
    shown.close()
