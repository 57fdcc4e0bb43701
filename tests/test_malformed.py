"""Input that means nothing is refused in one line, before any compute, and leaves no run behind."""

import os
import random
from pathlib import Path

import malformed
import pytest
from processes import BRIEF, code_of, start
from seeds import MOVED

from vfe_lightning.command_line import main, options_of
from vfe_lightning.tracking.record import Record
from vfe_lightning.usage import OWN_FLAGS

TOY = BRIEF.vary(**{"trainer.max_steps": 1, "trainer.evaluation_batches": 2})
NAMES = [*(leaf.path for leaf in options_of(TOY, {})), *(OWN_FLAGS.keys() - {"help"})]


class Made(Exception):
    """A run would be made: the input was not refused."""


@pytest.fixture
def answer(home, monkeypatch, capsys):
    """The exit status and stderr of the toy in this process, up to the moment at which its run is made."""
    malformed.write_files(home)
    monkeypatch.chdir(home)

    def start(*_):
        raise Made

    monkeypatch.setattr(Record, "start", start)

    def given(put: malformed.Input) -> tuple[int | None, str]:
        capsys.readouterr()
        with monkeypatch.context() as patched:
            for name, value in put.environment.items():
                patched.setenv(name, value)
            try:
                main(TOY, put.argv)
            except SystemExit as exit:
                return exit.code, capsys.readouterr().err
            except Made:
                return None, ""
            except Exception as error:
                return -1, f"Traceback: {error!r:.300}"
        raise AssertionError("main returned")

    return given


def wrong(code: int | None, err: str, allowed: set[int | None]) -> bool:
    """Whether an answer is more than a line, or another exit status."""
    return code not in allowed or (code not in (None, 0) and err.count("\n") != 1) or "Traceback" in err


def test_what_means_nothing_is_refused_in_one_line(answer):
    answers = {str(put)[:200]: answer(put) for put in malformed.written()}
    assert not {told: found for told, found in answers.items() if wrong(*found, allowed={2})}


def test_what_is_drawn_at_random_is_refused_or_understood(answer, home):
    dice = random.Random(MOVED + 5)
    answers = {
        str(put)[:300]: answer(put) for put in (malformed.drawn(dice, NAMES, home) for _ in range(200))
    }
    assert not {told: found for told, found in answers.items() if wrong(*found, allowed={None, 0, 2})}
    assert sum(code == 2 for code, _ in answers.values()) > 50


@pytest.mark.slow
def test_processes_that_mean_nothing_leave_nothing(client, home):
    """The same in processes of their own, which may really run: no traceback, and no run that did not end."""
    malformed.write_files(home)
    dice = random.Random(MOVED + 6)
    drawn = [malformed.drawn(dice, NAMES, home) for _ in range(60)]
    made = 0
    for put in [*malformed.written(), *drawn]:
        out, err = home / "out", home / "err"
        err.unlink(missing_ok=True)
        code = code_of(start(_put, (put.argv, home), out, err, put.environment))
        assert not wrong(code, err.read_text(), allowed={0, 2} if put in drawn else {2}), (
            put,
            err.read_text(),
        )
        made += code == 0 and "run " in out.read_text()
        out.unlink()
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert {run.info.status for run in runs} <= {"FINISHED"} and len(runs) <= made


def _put(argv: list[str], folder: Path) -> None:
    os.chdir(folder)
    main(TOY, argv)
