"""Who ran what: the program that was started, and the commit of the repository that tracks it, if any."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from processes import git
from toy import toy

from vfe_lightning.command_line import main
from vfe_lightning.tracking import provenance
from vfe_lightning.tracking.repository import Repository

ROOT = Path(__file__).parents[2]
SCRIPT = """'''Say what a run would record.'''
import json
from vfe_lightning.tracking import provenance
code, diff = provenance.code()
print(json.dumps({**provenance.tags(), **code, "diff": diff}))
"""


def told(*command: str, folder: Path) -> dict[str, str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    line = [sys.executable, *command, "--rs", "2", "--storage", "postgresql://me:secret@host/db"]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "mine" / "gas.py"
    path.parent.mkdir()
    path.write_text(SCRIPT)
    git(tmp_path, "init", "-q")
    return path


def test_a_script_that_nothing_tracks_has_no_commit(script):
    tags = told(str(script), folder=script.parent)
    assert tags["mlflow.source.name"] == str(script) and tags["mlflow.source.type"] == "LOCAL"
    assert tags["mlflow.user"] and not {"mlflow.source.git.commit", "git.commit"} & tags.keys()
    assert tags["vfe.version"] and tags.get("vfe.commit", "") == (Repository(ROOT).commit)
    assert "secret" not in tags["vfe.arguments"] and tags["vfe.arguments"].startswith("--rs 2 ")


def test_the_commit_is_of_the_repository_that_tracks_the_script(script):
    top = script.parents[1]
    git(top, "add", ".")
    git(top, "commit", "-qm", "mine")
    tags = told(str(script), folder=Path("/"))
    assert tags["mlflow.source.name"] == "mine/gas.py"
    assert tags["mlflow.source.git.commit"] == tags["git.commit"] == git(top, "rev-parse", "HEAD")
    module = told("-m", "mine.gas", folder=top)
    assert module["mlflow.source.name"] == "mine.gas"
    script.write_text(SCRIPT + "# another\n")
    changed = told(str(script), folder=top)
    assert changed["git.dirty"] == "true" and "+# another" in changed["diff"]


def test_an_experiment_is_described_by_its_module_or_by_its_system(monkeypatch):
    assert provenance.about(toy) == "A classical particle in a harmonic well."
    monkeypatch.setattr(provenance, "source_name", lambda: "experiments.toy")
    monkeypatch.setattr(sys.modules["__main__"], "__doc__", "What it is.\n\n    python -m toy\n")
    assert provenance.about(toy) == "What it is.\n\n    python -m toy"


@pytest.fixture
def notebook(monkeypatch):
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(
        sys, "argv", ["ipykernel_launcher.py", "--HistoryManager.hist_file=:memory:", "-f", "k"]
    )


def test_in_a_notebook_an_experiment_runs_as_it_is_declared(client, notebook):
    result = main(toy.vary(**{"trainer.progress_bar": False}))
    tags = client.get_run(result.run_id).data.tags
    assert tags["mlflow.source.name"] == "notebook" and tags["vfe.arguments"] == ""
    assert "mlflow.source.git.commit" not in tags and "<table>" in result._repr_html_()


CLASSES = """from vfe_lightning.declarations import Ising
class Mine(Ising):
    '''Spins of a module.'''
"""
USES = """from vfe_lightning import Experiment
from vfe_lightning.tracking import provenance
from mine import Mine
import json
system = Mine(L=2, beta=0.3, network={"kind": "made"})
mine = Experiment(name="mine", system=system, batch_size=2)
code, diff = provenance.code(mine)
kept = [path.name for path in provenance.untracked(mine)]
print(json.dumps({**provenance.tags(), **code, "diff": diff, "kept": kept}))
"""


def test_the_modules_of_a_users_classes_are_recorded(tmp_path):
    """In a repository of their own, or in none: then their files are kept."""
    (tmp_path / "mine.py").write_text(CLASSES)
    (tmp_path / "uses.py").write_text(USES)
    tags = told("uses.py", folder=tmp_path)
    assert tags["kept"] == ["uses.py", "mine.py"] and tags["vfe.system"] == "mine:Mine"
    assert not {"git.commit", "vfe.system.commit"} & tags.keys()
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "mine.py")
    git(tmp_path, "commit", "-qm", "mine")
    tags = told("uses.py", folder=tmp_path)
    assert tags["kept"] == ["uses.py"] and tags["vfe.system.commit"] == git(tmp_path, "rev-parse", "HEAD")
    assert "git.commit" not in tags and "untracked: uses.py" in tags["diff"]
