"""What users install: a wheel, in an environment and a folder that know of no checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from test_own import NAMES, TUTORIALS

ROOT = Path(__file__).parents[1]
PARTS = ("pyproject.toml", "README.md")
QUIET = "--trainer.progress_bar false --trainer.max_steps 3 --trainer.evaluation_batches 3"
STEADY = {
    name: " --annealing.kind none" for name in ("glass", "pauli", "logistic")
}  # as their own commands say
OBJECT = {"binder": "binder.py:binder"}  # a script with two experiments
AGAIN = {
    "binder": "from binder import binder; "
    "binder.vary(**{'trainer.evaluation_batches': 90}).run(resume='RUN', json='again.json')"
}
LOADED = (
    "import vfe_lightning; held = vfe_lightning.load('RUN'); drawn = held.sample(3); "
    "print(vfe_lightning.__file__, len(drawn[0] if isinstance(drawn, tuple) else drawn))"
)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    """Python of a new environment with the wheel; what the wheel requires is taken from that of the tests."""
    source, place = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("environment")
    for name in PARTS:
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "vfe_lightning", source / "vfe_lightning")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "-w", str(source / "dist"), str(source)]
    subprocess.run([*pip, *build], check=True, capture_output=True)
    [wheel] = (source / "dist").glob("*.whl")
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    subprocess.run(
        [*pip, "--python", str(python), "install", "--no-deps", wheel], check=True, capture_output=True
    )
    [packages] = place.glob("lib/python*/site-packages")
    # Files like this one are not read in a folder that one of them names: the checkout stays unknown.
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    return python


@pytest.fixture
def shell(home, program, monkeypatch):
    """Commands in a folder whose runs are kept in it, since nobody says where else."""
    folder = home / "mine"
    folder.mkdir()
    shutil.move(home / "mlruns", folder)
    for name in ("VFE_HOME", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    def run(command: str) -> str:
        done = subprocess.run(["sh", "-ec", command], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return folder, run


@pytest.mark.parametrize("name", NAMES)
def test_a_tutorial_runs_goes_on_loads_and_is_scanned(shell, program, name):
    folder, run = shell
    (folder / f"{name}.py").write_text(TUTORIALS[name]["code"])
    run(TUTORIALS[name]["shell"])
    first = json.loads((folder / f"{name}.json").read_text())
    again = f"python {name}.py --resume {first['run_id']} --trainer.evaluation_batches 90 --json again.json"
    if name in AGAIN:
        again = f'python -c "{AGAIN[name].replace("RUN", first["run_id"])}"'
    run(again)
    second = json.loads((folder / "again.json").read_text())
    assert (second["run_id"], second["steps"]) == (first["run_id"], first["steps"])
    assert second["free_energy_error"] < first["free_energy_error"]

    def loaded(run_id: str) -> None:
        place, drawn = run(f'python -c "{LOADED.replace("RUN", run_id)}"').split()
        assert Path(place).is_relative_to(program.parents[1]) and drawn == "3"

    loaded(first["run_id"])
    scan = f"python -m vfe_lightning scan {OBJECT.get(name, f'{name}.py')}"
    printed = run(f"{scan} --seed 1,2 {QUIET}{STEADY.get(name, '')}")
    assert "2 complete, 0 pruned, 0 failed trials" in printed
    table, *others = (folder / "mlruns" / "artifacts").glob("*/artifacts/table.csv")
    rows = [line.split(",") for line in table.read_text().splitlines()]
    seeds = [row[rows[0].index("seed")] for row in rows[1:]]
    assert seeds == ["1", "2"] and not others
    listed = run("python -m vfe_lightning runs")
    assert first["run_id"][:8] in listed
    loaded(rows[1][rows[0].index("run")])


def test_several_workers_and_processes_scan_a_script(shell):
    """What a scan starts is the command of the package, too."""
    folder, run = shell
    (folder / "ring.py").write_text(TUTORIALS["ring"]["code"])
    scan = f"python -m vfe_lightning scan ring.py {QUIET}"
    assert "2 complete, 0 pruned" in run(f"{scan} --n 2,3 --workers 2")
    assert "1 complete, 0 pruned" in run(f"{scan} --n 2,3 --trainer.devices 2 --n-trials 1")
    searched = run(f"{scan} --optimizer.learning_rate 1e-3:1e-2:log --n-trials 1")
    command = searched.split("run it again:")[1].strip().splitlines()[0]
    assert command.startswith("python ring.py --config")
    run(f"{command} {QUIET} --json best.json")
    assert json.loads((folder / "best.json").read_text())["status"] == "FINISHED"
