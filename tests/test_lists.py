"""`python -m experiments` and `python -m studies` list what there is, without importing it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("package", "known"), [("experiments", "heg3d"), ("studies", "heg2d_ansatz")])
def test_a_line_for_each(package, known):
    done = subprocess.run([sys.executable, "-m", package], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    names = {path.stem for path in (ROOT / package).glob("*.py") if not path.stem.startswith("_")}
    assert {line.split()[0] for line in lines[:-2]} == names and known in names
    assert all(len(line.split()) > 3 for line in lines[:-2])
    assert f"python -m {package}.NAME --help" in lines[-1]


def test_a_reader_who_has_seen_enough_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "experiments"], cwd=ROOT, stdout=write, stderr=subprocess.PIPE
    )
    os.close(write)
    assert done.returncode == 128 + signal.SIGPIPE and done.stderr == b""
