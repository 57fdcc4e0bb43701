"""What it costs to record every step, on a real system and store; and to use a store of many runs.

    python -m benchmarks.tracking                      # 300 steps of a small electron gas, SQLite
    python -m benchmarks.tracking --tracking_uri http://127.0.0.1:5000
    python -m benchmarks.tracking --runs 2000          # commands on a store of 600,000 metric rows

The callbacks are timed where they are called, so that the noise of the steps does not drown them:
wall time, which includes waiting for the thread that writes and for the disk, and CPU time, which
other jobs on the machine disturb less. Of commands on many runs it is the CPU time of their processes,
imports included.
"""

import argparse
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

from lightning.pytorch.callbacks import Callback

from experiments.heg3d import heg3d

STEP = 0.05  # seconds, of the step that the cost is compared with
HOOKS = ("on_train_batch_start", "on_train_batch_end", "on_save_checkpoint", "on_train_start", "on_train_end")


def timed(callback: Callback, spent: dict[str, list[float]], nested: list[list[float]]) -> None:
    """Add up the wall and the CPU time of its hooks, without that of hooks that they call."""

    def wrap(hook: Any) -> Any:
        def measured(*arguments: Any, **named: Any) -> Any:
            wall, cpu = time.perf_counter(), time.process_time()
            nested.append([0.0, 0.0])
            try:
                return hook(*arguments, **named)
            finally:
                taken = [time.perf_counter() - wall, time.process_time() - cpu]
                within, mine = nested.pop(), spent[type(callback).__name__]
                for i in range(2):
                    mine[i] += taken[i] - within[i]
                    if nested:
                        nested[-1][i] += taken[i]

        return measured

    for name in HOOKS:
        setattr(callback, name, wrap(getattr(callback, name)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=300, help="default: %(default)s")
    parser.add_argument("--tracking_uri", help="default: SQLite in a temporary folder")
    parser.add_argument("--runs", type=int, help="time the commands on a store of so many runs instead")
    parser.add_argument("--folder", type=Path, help="keep that store here, for other uses")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = arguments.folder or Path(temporary)
        os.environ["VFE_HOME"] = str(home)
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        if arguments.tracking_uri:
            os.environ["MLFLOW_TRACKING_URI"] = arguments.tracking_uri
        if arguments.runs:
            report_commands(home, make_store(home, arguments.runs))
        else:
            report(arguments.steps)


def report(steps: int) -> None:
    from vfe_lightning.run import Run
    from vfe_lightning.tracking.opening import Wanted
    from vfe_lightning.tracking.quiet import quiet
    from vfe_lightning.tracking.stop import GracefulStop

    quiet()
    wanted = Wanted()
    small = {"n": 4, "batch_size": 16, "flow.width": 8, "flow.pair_width": 8}
    budget = {"trainer.max_steps": steps, "trainer.progress_bar": False, "optimizer.quantum.max_norm": 1e-6}
    run = Run(heg3d.vary(**small, **budget), None, GracefulStop())
    run.open(wanted)
    run.prepare(wanted, (), None)
    spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    assert run.metrics
    nested: list[list[float]] = []
    timed(run.metrics, spent, nested)
    timed(run.checkpoints, spent, nested)
    write = run.metrics.write

    def timed_write(steps: Any) -> None:
        began = time.thread_time()
        write(steps)
        spent["thread"][1] += time.thread_time() - began

    run.metrics.write = timed_write
    run.train()
    beside = spent.pop("thread")[1]
    print(f"{steps} steps with {len(run.system.metrics) + 1} metrics each, {1e3 * STEP:.0f} ms a step:")
    for name, (wall, cpu) in spent.items():
        share = [100 * t / steps / STEP for t in (wall, cpu)]
        print(
            f"  {name:16s} wall {1e3 * wall / steps:6.3f} ms a step, {share[0]:.2f} %;  "
            f"CPU of the process {1e3 * cpu / steps:6.3f} ms, {share[1]:.2f} %"
        )
    total = [100 * sum(times) / steps / STEP for times in zip(*spent.values(), strict=True)]
    print(f"  the thread that writes: CPU {1e3 * beside / steps:.3f} ms a step, beside the computation")
    print(f"  together wall {total[0]:.2f} %, CPU {total[1]:.2f} %")


RUN = ("experiments.ising", "--L", "4", "--annealing.kind", "none", "--trainer.progress_bar", "false")
STEPS = 15  # with some 20 metrics each


def make_store(home: Path, runs: int) -> list[str]:
    """A small run of the Ising model, and copies of it with ids and a starting time of their own: the ids."""
    if (home / "mlruns").exists():
        sys.exit(f"{home} has a store already: give another --folder")
    used(*RUN, "--trainer.max_steps", str(STEPS), "--trainer.checkpoint_every", str(STEPS))
    with closing(sqlite3.connect(home / "mlruns" / "mlflow.db")) as db, db:
        [(first,)] = db.execute("SELECT run_uuid FROM runs")
        ids = [uuid4().hex for _ in range(runs - 1)]
        db.execute("CREATE TEMP TABLE copies (number INTEGER PRIMARY KEY, id TEXT)")
        db.executemany("INSERT INTO copies VALUES (?, ?)", enumerate(ids, 1))
        own = {
            "run_uuid": "copies.id",
            "start_time": "start_time - 60000 * copies.number",
            "artifact_uri": "replace(artifact_uri, run_uuid, copies.id)",
        }
        for table in ("runs", "params", "tags", "metrics", "latest_metrics"):
            columns = [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]
            chosen = ", ".join(own.get(name, name) for name in columns)
            db.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {table}, copies "
                "WHERE run_uuid = ?",
                (first,),
            )
        [(rows,)] = db.execute("SELECT count(*) FROM metrics")
    artifacts = home / "mlruns" / "artifacts"
    for copy in ids:
        shutil.copytree(artifacts / first, artifacts / copy, ignore=shutil.ignore_patterns("figures"))
    print(f"{runs} runs, {rows} rows of metrics")
    return [first, *ids]


def report_commands(home: Path, ids: list[str]) -> None:
    last, before = ids[len(ids) // 2 :][:2]
    commands = {
        "runs": ("vfe_lightning", "runs"),
        "runs --all": ("vfe_lightning", "runs", "--all"),
        "compare": ("vfe_lightning", "compare", last[:8], before[:8], "--figure", str(home / "compared.png")),
        "export": ("vfe_lightning", "export", str(home / "exported")),
        "sweep": ("vfe_lightning", "sweep"),
        "--resume": (*RUN, "--trainer.max_steps", str(STEPS + 1), "--resume", last[:8]),
    }
    for name, command in commands.items():
        print(f"  {name:10s} {used(*command):5.1f} s of CPU", flush=True)


def used(*command: str) -> float:
    """CPU seconds of `python -m` in a process of its own."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    subprocess.run([sys.executable, "-m", *command], check=True, stdout=subprocess.DEVNULL)
    return spent() - before


if __name__ == "__main__":
    main()
