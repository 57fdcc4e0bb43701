"""What users bring from outside: the tutorials of the package's page run in a folder of their own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from judging import agrees

import vfe_lightning
from vfe_lightning.exact.enumeration import configurations
from vfe_lightning.tracking.store import connect, tracking_uri

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "vfe_lightning" / "README.md"
TUTORIAL = re.compile(
    r"<!-- script: (?P<name>\w+)\.py -->\n+```python\n(?P<code>.*?)^```\n+```sh\n(?P<shell>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
TUTORIALS = {match["name"]: match for match in TUTORIAL.finditer(PAGE.read_text())}
LONGEST = 30  # lines of code
NAMES = ("ring", "glass", "pauli", "logistic", "heavy", "binder")
FAST = {"binder"}
SHAPES = {"ring": (3,), "glass": (4,), "logistic": (9,), "heavy": (3, 3), "binder": (9,)}


def run(home: Path, command: str) -> str:
    """In a folder that is no checkout, as a user does; the package is importable and nothing else is."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(package(home)), "COLUMNS": "100"}
    done = subprocess.run(
        ["sh", "-ec", command], cwd=home / "mine", env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def package(home: Path) -> Path:
    """A folder with the package alone."""
    folder = home / "site"
    if not folder.exists():
        folder.mkdir()
        (folder / "vfe_lightning").symlink_to(ROOT / "vfe_lightning")
    return folder


@pytest.fixture
def followed(home: Path, name: str) -> tuple[dict, str]:
    """The results of a tutorial, and what it has printed."""
    (home / "mine").mkdir()
    (home / "mine" / f"{name}.py").write_text(TUTORIALS[name]["code"])
    printed = run(home, TUTORIALS[name]["shell"])
    return json.loads((home / "mine" / f"{name}.json").read_text()), printed


def test_the_tutorials_are_short():
    assert tuple(TUTORIALS) == NAMES
    for name, match in TUTORIALS.items():
        lines = [line for line in match["code"].splitlines() if line.strip()]
        assert len(lines) <= LONGEST, f"{name} has {len(lines)} lines"


@pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_a_tutorial_runs_is_recorded_and_loads(home, name, followed):
    found, printed = followed
    error = found["free_energy_error"]
    assert found["reference_free_energy"] is not None
    assert (
        agrees(found["free_energy"], error, found["reference_free_energy"], samples=2000)
        or found["excess"] > 0
    )
    if weighed := found["observables"].get("importance_free_energy"):
        assert agrees(weighed["value"], weighed["error"], found["reference_free_energy"], samples=2000)
    run_of = connect(tracking_uri()).get_run(found["run_id"])
    script = str(home / "mine" / f"{name}.py")
    assert run_of.info.status == "FINISHED" and run_of.data.tags["mlflow.source.name"] == script
    assert "git.commit" not in run_of.data.tags
    own = {"ring": "neighbours", "binder": "m2"}
    for observable in [own[name], f"reweighted_{own[name]}"] if name in own else []:
        quoted = [run_of.data.metrics[f"_quoted/{observable}{end}"] for end in ("", "_error")]
        assert quoted == [found["observables"][observable][key] for key in ("value", "error")]
    kept = next(home.rglob(f"artifacts/source/{name}.py"))
    assert kept.read_text() == TUTORIALS[name]["code"]
    trained = vfe_lightning.load(found["run_id"])
    drawn = trained.sample(3)
    if name == "pauli":
        assert drawn[1].shape == (3, 3)
        return
    assert drawn.shape == (3, *SHAPES[name]) and trained.log_prob(drawn).isfinite().all()
    assert "error: " not in printed
    if name == "ring":
        assert "--k" in printed and "A ring of particles" in printed
        assert {"neighbours", "reweighted_neighbours"} <= found["observables"].keys()
        again = trained.evaluate(4, observables={"fourth": lambda x: x.pow(4).mean(1)})
        assert {"neighbours", "fourth", "reweighted_fourth"} <= (again.observables or {}).keys()
    if name == "glass":
        goes_on_without_its_file(home, found)
    if name == "binder":
        s = torch.cat(list(configurations(9)))
        p = (-0.3 * trained.system.hamiltonian.energy(s)).softmax(0)
        m4 = found["observables"]["reweighted_m4"]
        assert agrees(m4["value"], m4["error"], (p @ s.mean(1).pow(4)).item(), samples=2000)
        assert "U = " in printed and "Expectation" in printed


def goes_on_without_its_file(home: Path, found: dict) -> None:
    (home / "mine" / "bonds.csv").unlink()
    resume = f"python glass.py --resume {found['run_id'][:8]} --json again.json"
    run(home, f"{resume} --trainer.evaluation_batches 40")
    again = json.loads((home / "mine" / "again.json").read_text())
    assert again["run_id"] == found["run_id"] and again["steps"] == found["steps"]
    assert again["free_energy_error"] < found["free_energy_error"]
