"""The command line of a study: its own flags, and those of the experiment that it does not choose."""

import argparse
import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from vfe_lightning import command_line
from vfe_lightning.declarations.changes import unknown_name
from vfe_lightning.errors import Interrupted, Refused
from vfe_lightning.exits import told
from vfe_lightning.flags import Parser
from vfe_lightning.study.plan import StudyPlan
from vfe_lightning.tracking.provenance import in_notebook


def main(study: StudyPlan, argv: Sequence[str] | None = None) -> NoReturn:
    """Run as the arguments say and exit: 0, 2 for a refusal, 1 for a failure, 128 + n for signal n."""
    if argv is None:  # those of a notebook are its kernel's
        argv = [] if in_notebook() else sys.argv[1:]
    with told():
        code = _main(study, argv)
    sys.exit(code)


def _main(study: StudyPlan, argv: Sequence[str]) -> int:
    arguments, rest = parser(study).parse_known_args(argv)
    if arguments.trial:
        from vfe_lightning.study.trial import child

        child(study, Path(arguments.trial))
    check(arguments, study)
    if arguments.name is not None:
        study = dataclasses.replace(study, name=arguments.name)
    changes = changes_of(study, rest)
    return lead(study, arguments, changes) if arguments.workers > 1 else work(study, arguments, changes)


def parser(study: StudyPlan) -> argparse.ArgumentParser:
    module = getattr(sys.modules["__main__"], "__spec__", None)
    made = Parser(
        prog=f"python -m {module.name}" if module else None,
        description=study.told,
        epilog="Every other flag is one of the experiment, for all trials alike: "
        "--trainer.max_steps 50, --n 7, --config file.yaml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add("--n-trials", "--n_trials", type=int, default=study.size, metavar="N",
        help="trials to finish, over all workers and restarts (default: %(default)s)")  # fmt: skip
    add("--workers", type=int, default=1, metavar="N", help="processes on this machine (default: 1)")
    add("--storage", metavar="URL", help="of Optuna: postgresql+psycopg://user@host/optuna for several "
        "machines (default: OPTUNA_STORAGE, or mlruns/optuna.db)")  # fmt: skip
    add("--name", metavar="NAME", help=f"of the study, to begin another (default: {study.name})")
    add("--parent", type=int, help=argparse.SUPPRESS)  # a worker of that process
    add("--trial", help=argparse.SUPPRESS)  # the processes of one trial
    return made


def check(arguments: argparse.Namespace, study: StudyPlan) -> None:
    for name in ("n_trials", "workers"):
        if (value := getattr(arguments, name)) < 1:
            flag = name.replace("_", "-")
            raise Refused(f"--{flag} = {value} is not allowed: integer > 0")
    if study.search.kind == "grid" and arguments.n_trials > study.size:
        raise Refused(f"--n-trials = {arguments.n_trials} is not allowed: the grid has {study.size} points")


def changes_of(study: StudyPlan, argv: Sequence[str]) -> dict[str, Any]:
    """What the flags say of the experiment of every trial.

    Raises:
        Refused: for what no experiment knows, and for what the study chooses itself.
    """
    experiment, chosen = study.example
    own = {"n-trials", "workers", "storage", "name"}
    for flag in (word[2:].partition("=")[0] for word in argv if word.startswith("--")):
        if flag in ("resume", "run_key", "take_over", "json", "print_config", "init_from"):
            raise unknown_name(flag, own, prefix="--")
        if flag in chosen:
            raise Refused(f"--{flag} is chosen by the study; to fix it, run its experiment")
    return command_line.parse(experiment, argv).changes


def work(study: StudyPlan, arguments: argparse.Namespace, changes: Mapping[str, Any]) -> int:
    """Carry out trials in this process."""
    from vfe_lightning.study.conclusion import conclude
    from vfe_lightning.study.rehearsal import rehearse
    from vfe_lightning.study.storage import storage_url
    from vfe_lightning.study.worker import Order, Worker

    led = arguments.parent is not None
    if not led:
        rehearse(study, changes)
    order = Order(storage_url(arguments.storage), arguments.n_trials, changes, not led, arguments.parent)
    worker = Worker(study, order)
    try:
        worker.work()
    except Interrupted as error:
        if not led:
            conclude(study, worker.run, worker.opened, "KILLED")
        raise Interrupted(error.signum, f"{error}; the same command goes on") from error
    return 0 if led else conclude(study, worker.run, worker.opened, "FINISHED")


def start(command: Sequence[str]) -> subprocess.Popen:
    """In a group of its own: Ctrl-C reaches it once, through the process that leads."""
    return subprocess.Popen(command, process_group=0)


def lead(study: StudyPlan, arguments: argparse.Namespace, changes: Mapping[str, Any]) -> int:
    """Start the workers, start those again that are killed, and conclude."""
    from vfe_lightning.study.conclusion import conclude
    from vfe_lightning.study.rehearsal import rehearse
    from vfe_lightning.study.storage import storage_url
    from vfe_lightning.study.trial import this_command
    from vfe_lightning.study.worker import Order, Worker
    from vfe_lightning.tracking.stop import GracefulStop

    rehearse(study, changes)
    order = Order(storage_url(arguments.storage), arguments.n_trials, changes)
    leader = Worker(study, order)  # makes the stores and the study's run; takes no trial
    command = [*this_command(), *sys.argv[1:], "--workers", "1", "--parent", str(os.getpid())]
    workers: list[subprocess.Popen] = []
    left = arguments.n_trials  # how often a killed worker is started again
    try:
        with GracefulStop():
            workers += [start(command) for _ in range(arguments.workers)]
            while True:
                for position, worker in enumerate(workers):
                    if (code := worker.poll()) is not None and code < 0 and left > 0:
                        print(f"a worker was killed by signal {-code}: another takes its place", flush=True)
                        workers[position], left = start(command), left - 1
                if all(worker.poll() is not None for worker in workers):
                    break
                time.sleep(0.5)
    except Interrupted as error:
        for worker in workers:
            worker.send_signal(error.signum)
        for worker in workers:
            worker.wait()
        conclude(study, leader.run, leader.opened, "KILLED")
        raise Interrupted(error.signum, f"{error}; the same command goes on") from error
    return conclude(study, leader.run, leader.opened, "FINISHED" if leader.enough() else "FAILED")
