"""One number moves all seeds but those that are physics, also of the library and in new processes."""

import subprocess
import sys
from pathlib import Path

from seeds import MOVED, STRIDE

CODE = """
import seeds, torch, numpy
from vfe_lightning.hamiltonians.spins import sherrington_kirkpatrick_couplings
from vfe_lightning.streams import make_generator
print(torch.Generator().manual_seed(3).initial_seed(), torch.manual_seed(3).initial_seed(),
      make_generator(torch.device("cpu"), 3, "training").initial_seed(),
      numpy.random.default_rng(3).random(), sherrington_kirkpatrick_couplings(3, 3)[0, 1].item())
"""


def numbers(shift: int, monkeypatch) -> list[str]:
    monkeypatch.setenv("VFE_SEED_SHIFT", str(shift))
    tests = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", f"{tests}:{tests.parent}")
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_shift_moves_all_seeds_but_those_of_couplings(monkeypatch, capsys):
    exec(CODE, {})  # with the shift of this session
    *here, couplings = capsys.readouterr().out.split()
    shift = MOVED // STRIDE
    *there, same = numbers(shift + 2, monkeypatch)
    assert here[:2] == [str(3 + MOVED)] * 2 and not set(here) & set(there)
    assert there[:2] == [str(3 + MOVED + 2 * STRIDE)] * 2
    assert same == couplings
