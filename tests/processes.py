"""Real processes that run the command line and may be killed.

They are forks of one that has imported everything and has opened nothing: ready at once, and clean.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import seeds  # noqa: F401
import unpainted
from matplotlib.figure import Figure
from toy import toy

from vfe_lightning.command_line import main
from vfe_lightning.study.command_line import main as study_main
from vfe_lightning.study.scan import main as scan_main
from vfe_lightning.tracking.process import Process
from vfe_lightning.tracking.sessions import SESSION, session_of

os.environ["PYTHONPATH"] = os.pathsep.join(str(p) for p in (Path(__file__).parent, Path(__file__).parents[1]))
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["processes", "toy_system", "ready", "vfe_lightning.study.worker"])
BRIEF = toy.vary(**{"trainer.progress_bar": False, "trainer.max_steps": 40})


def history(client, run_id: str) -> dict[str, list[tuple[int, float]]]:
    """All metrics that do not measure time, entry by entry: what is lost or doubled shows."""
    names = [name for name in client.get_run(run_id).data.metrics if "seconds" not in name]
    return {
        name: [(m.step, m.value) for m in client.get_metric_history(run_id, name)] for name in sorted(names)
    }


def git(folder: Path, *arguments: str) -> str:
    """What a command of git says."""
    line = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(line, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def died(client, run_id: str, machine: str | None = None) -> None:
    """Let the writer of a run be a process that has ended, on this machine or on another."""
    process = Process.this()._replace(pid="1:0")
    process = process._replace(host="old", machine=machine) if machine else process
    client.log_param(run_id, f"{SESSION}{session_of(client.get_run(run_id)) + 1}", f"{process} dead")
    for name, value in process.tags().items():
        client.set_tag(run_id, name, value)


def on_command_line(
    log: Path,
    *argv: str,
    pause: float = 0.0,
    environment: dict[str, str] | None = None,
    study: str | None = None,
):
    """Start the command line of the toy, of a study on it, or of "scan"; its output goes to `log`."""

    given = {"TOY_PAUSE": str(pause), **(environment or {})}
    return start(_toy, (argv, study), log, log, given)


def command(
    home: Path, experiment: str, *argv: str, timeout: float = 300, **environment: str
) -> subprocess.CompletedProcess[str]:
    """What `python -m experiments.<experiment>` ends with, in the project folder `home`."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        given = {"VFE_HOME": str(home), "OMP_NUM_THREADS": "1", **environment}
        code = code_of(start(_experiment, (experiment, argv), out, err, given), timeout)
        return subprocess.CompletedProcess(argv, code, out.read_text(), err.read_text())


def start(work: Callable[..., None], arguments: tuple, out: Path, err: Path, given: dict[str, str]):
    """A process that does the work with its output in two files, or in one."""
    inherited = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}  # Lightning sets it
    process = FORK.Process(target=_run, args=(work, arguments, out, err, inherited | given))
    process.start()
    return process


def _toy(argv: tuple[str, ...], study: str | None) -> None:
    Figure.savefig = unpainted.savefig
    if study == "scan":
        scan_main(argv)
    if study:
        import toy_study

        study_main(getattr(toy_study, study), argv)
    main(BRIEF, argv)


def _experiment(name: str, argv: tuple[str, ...]) -> None:
    sys.argv = [name, *argv]
    runpy.run_module(f"experiments.{name}", run_name="__main__", alter_sys=True)


def _run(
    work: Callable[..., None], arguments: tuple, out: Path, err: Path, environment: dict[str, str]
) -> None:
    os.environ.clear()
    os.environ |= environment
    with out.open("a") as standard, err.open("a") as error:
        os.dup2(standard.fileno(), 1)
        os.dup2(error.fileno(), 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
        try:
            work(*arguments)
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
