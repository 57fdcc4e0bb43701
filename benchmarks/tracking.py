"""What it costs to record every step: time in the callbacks of tracking, on a real system and store.

    python -m benchmarks.tracking                      # 300 steps of a small electron gas, SQLite
    python -m benchmarks.tracking --tracking_uri http://127.0.0.1:5000

The callbacks are timed where they are called, so that the noise of the steps does not drown them:
wall time, which includes waiting for the thread that writes and for the disk, and CPU time, which
other jobs on the machine disturb less.
"""

import argparse
import os
import tempfile
import time
from collections import defaultdict
from typing import Any

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
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["VFE_HOME"] = home
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        if arguments.tracking_uri:
            os.environ["MLFLOW_TRACKING_URI"] = arguments.tracking_uri
        report(arguments.steps)


def report(steps: int) -> None:
    from vfe_lightning.run import Run
    from vfe_lightning.tracking.quiet import quiet
    from vfe_lightning.tracking.stop import GracefulStop

    quiet()
    small = {"n": 4, "batch_size": 16, "flow.width": 8, "flow.pair_width": 8}
    budget = {"trainer.max_steps": steps, "trainer.progress_bar": False, "optimizer.quantum.max_norm": 1e-6}
    run = Run(heg3d.vary(**small, **budget), None, None, GracefulStop(), (), None)
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


if __name__ == "__main__":
    main()
