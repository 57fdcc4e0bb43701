"""Medians of CPU time, which other jobs on the machine disturb less than wall time."""

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch

from vfe_lightning.free_energy import VariationalFreeEnergy

System = TypeVar("System", bound=VariationalFreeEnergy)


def median_ms(function: Callable[[], Any], repetitions: int) -> float:
    function()
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return 1e3 * statistics.median(times)


def time_cases(
    description: str | None,
    cases: Mapping[str, Any],
    system_of: Callable[[str], System],
    parts: Callable[[System], Mapping[str, Callable[[], Any]]],
) -> None:
    """The command line of a benchmark: a row of times for each case that is asked for.

    The memory is the most that the process has taken since its start.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", choices=cases, default=list(cases))
    parser.add_argument(
        "--steps", type=int, default=7, help="repetitions of each part (default: %(default)s)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.cases:
        system = system_of(name)
        timed = {part: median_ms(f, arguments.steps) for part, f in parts(system).items()}
        row = "  ".join(f"{part} {ms:.1f} ms" for part, ms in timed.items())
        size = sum(p.numel() for p in system.parameters())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        told = f"{name}, {system.batch_size} samples, {size} parameters"
        print(f"{told}: {row}  memory {peak:.0f} MiB", flush=True)
