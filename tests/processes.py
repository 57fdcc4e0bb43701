"""Real processes that run the toy and may be killed.

They are forks of one that has imported everything and has opened nothing: ready at once, and clean.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from toy import toy

from vfe_lightning.command_line import main
from vfe_lightning.study.command_line import main as study_main

os.environ["PYTHONPATH"] = os.pathsep.join(str(p) for p in (Path(__file__).parent, Path(__file__).parents[1]))
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["processes", "toy_system", "vfe_lightning.run", "vfe_lightning.study.worker"])
BRIEF = toy.vary(**{"trainer.progress_bar": False, "trainer.max_steps": 40})


def history(client, run_id: str) -> dict[str, list[tuple[int, float]]]:
    """All metrics that do not measure time, entry by entry: what is lost or doubled shows."""
    names = [name for name in client.get_run(run_id).data.metrics if "seconds" not in name]
    return {
        name: [(m.step, m.value) for m in client.get_metric_history(run_id, name)] for name in sorted(names)
    }


def on_command_line(
    log: Path,
    *argv: str,
    pause: float = 0.0,
    environment: dict[str, str] | None = None,
    study: str | None = None,
):
    """Start the command line of the toy, or of a study on it; its output goes to the file `log`."""

    given = {"TOY_PAUSE": str(pause), **(environment or {})}
    inherited = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}  # Lightning sets it
    process = FORK.Process(target=_work, args=(log, argv, inherited | given, study))
    process.start()
    return process


def _work(log: Path, argv: tuple[str, ...], environment: dict[str, str], study: str | None) -> None:
    os.environ.clear()
    os.environ |= environment
    with log.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
        try:
            if study:
                import toy_study

                study_main(getattr(toy_study, study), argv)
            main(BRIEF, argv)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()


def code_of(process, timeout: float = 300) -> int:
    process.join(timeout)
    assert process.exitcode is not None, "it still runs"
    return process.exitcode


def wait_for(condition: Callable[[], object], timeout: float = 180) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
