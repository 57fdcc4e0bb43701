"""What a GPU does: times, kernels and synchronisations of a step, all experiments, and one long training.

    python -m benchmarks.device --json device.json              # about eight minutes on one GPU
    python -m benchmarks.device --what gas experiments          # without the training
    python -m benchmarks.device --device cpu --what experiments --seconds 1

Wall times, medians; a GPU is waited for before and after each. The first two calls are not counted: they
make handles and record what is replayed. Everything is written at the end of each row, so that a run that
is cut off leaves what it has; rows of a file that exists are replaced one by one, each with its own commit.
"""

import argparse
import csv
import json
import statistics
import subprocess
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks import electron_gas, hydrogen
from experiments.heg2d import heg2d
from vfe_lightning import Experiment, declarations
from vfe_lightning.devices import LARGER, MEASURED, Times
from vfe_lightning.errors import Diverged, NotKnown, Refused
from vfe_lightning.free_energy import VariationalFreeEnergy, make_generator
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.electron_gas import ElectronGas

# electrons, dimension, momentum cutoff, walkers
GASES = [(13, 2, 25, 1024), (29, 2, 25, 1024), (29, 2, 25, 8192), (13, 2, 25, 256), (13, 2, 25, 8192)]
GASES += [(57, 2, 49, 512), (33, 3, 9, 512)]
# atoms, times the walkers of `benchmarks.hydrogen`
ATOMS = [("16", 8), ("2", 1), ("4", 1), ("16", 1), ("4", 8)]
EXPERIMENTS = sorted(p.stem for p in (Path(__file__).parents[1] / "experiments").glob("[!_]*.py"))
KINDS = ("gas", "atoms", "experiments", "training")
ON_A_CPU = " on one core of a CPU"
TRAINING = {"n": 29, "batch_size": 2048, "optimizer.hold": 100, "optimizer.decay": 200}


class Clock:
    """Of one device."""

    def __init__(self, device: torch.device, seconds: float) -> None:
        self.device, self.seconds = device, seconds

    def now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def median_ms(self, function: Callable[[], Any], least: int = 3) -> float:
        """Over as many calls as fit into the seconds."""
        function()
        function()
        times, begun = [], self.now()
        while len(times) < least or self.now() - begun < self.seconds:
            start = self.now()
            function()
            times.append(self.now() - start)
        return round(1e3 * statistics.median(times), 3)


def launches(function: Callable[[], Any]) -> dict[str, float]:
    """Launches of the host and kernels of the GPU, and how long these run."""
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        function()
        torch.cuda.synchronize()
    events = seen.events() or []
    kernels = [e for e in events if e.device_type == torch.autograd.DeviceType.CUDA]  # pyright: ignore
    started = [e for e in events if e.name.startswith(("cudaLaunch", "cudaGraphLaunch", "cuLaunch"))]
    busy = sum(e.device_time_total for e in kernels) / 1e3
    return {"launches": len(started), "kernels": len(kernels), "busy_ms": round(busy, 3)}


def synchronisations(function: Callable[[], Any]) -> int:
    """How often the host waits for the GPU."""
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            function()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchron" in str(warning.message) for warning in told)


class Stepper:
    """What Lightning hands to the training step."""

    def __init__(self, system: VariationalFreeEnergy) -> None:
        self.optimizer = system.configure_optimizers()
        self.step = self.optimizer.step


def ready(experiment: Experiment, device: torch.device) -> VariationalFreeEnergy:
    """The system of an experiment on a device, as a trainer prepares it."""
    if "mean_field_steps" in type(experiment.system).model_fields:
        experiment = experiment.vary(mean_field_steps=0)  # the steps that take the time
    torch.manual_seed(experiment.seed)
    system = experiment.system.build()
    system.prepare(partial(make_optimizer, experiment.optimizer), experiment.batch_size, experiment.seed)
    system.to(device)
    stepper = Stepper(system)
    system.optimizers = lambda: stepper  # pyright: ignore
    system.on_fit_start()
    return system


def of_gas(n: int, dim: int, cutoff: int, batch: int, clock: Clock) -> dict[str, Any]:
    declaration = declarations.ElectronGas(n=n, dim=dim, rs=10.0, theta=0.15, twist=0.25, cutoff=cutoff)
    system = ElectronGas(declaration)
    system.prepare(partial(make_optimizer, declarations.NaturalGradient()), batch, seed=0)
    system.to(clock.device)
    system.generator = make_generator(clock.device, 0, "training")
    stepper = Stepper(system)
    system.optimizers = lambda: stepper  # pyright: ignore
    row: dict[str, Any] = {"n": n, "dim": dim, "batch": batch}
    step = partial(system.training_step, 0, 0)
    row["step_ms"] = clock.median_ms(step)
    row["chunk"] = system.chunks.size
    return row | in_detail(step, electron_gas.parts(system), clock)


def of_atoms(name: str, times: int, clock: Clock) -> dict[str, Any]:
    system = hydrogen.system_of(name, times, clock.device.type)
    timed = hydrogen.parts(system)
    step = timed["whole step"]
    row = {"n": system.size, "batch": system.batch_size, "step_ms": clock.median_ms(step)}
    return row | in_detail(step, timed, clock)


def in_detail(
    step: Callable[[], Any], parts: Mapping[str, Callable[[], Any]], clock: Clock
) -> dict[str, Any]:
    """What a GPU does in a step, and the times of its parts."""
    row: dict[str, Any] = {}
    if clock.device.type == "cuda":
        row = launches(step) | {"synchronisations": synchronisations(step)}
        row["GiB"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
    timed = {name: f for name, f in parts.items() if name not in ("whole step", "direction")}
    return row | {"parts_ms": {name: clock.median_ms(f, least=2) for name, f in timed.items()}}


def of_experiment(name: str, clock: Clock) -> dict[str, Any]:
    experiment: Experiment = getattr(import_module(f"experiments.{name}"), name)
    row: dict[str, Any] = {"system": type(experiment.system).__name__, "batch": experiment.batch_size}
    for times in (1, LARGER):
        batch = times * experiment.batch_size
        system = ready(experiment.vary(batch_size=batch), clock.device)
        step = partial(system.training_step, 0, 0)
        row["size"] = system.size
        row["step_ms" if times == 1 else "step_ms of a larger batch"] = clock.median_ms(step, least=2)
        if times == 1 and clock.device.type == "cuda":
            row |= launches(step) | {"synchronisations": synchronisations(step)}
        if clock.device.type == "cpu":
            break  # a CPU takes as much longer as there is more to do
    return row


def trained(clock: Clock, seconds: float) -> dict[str, Any]:
    """N = 29 at r_s = 10: the mean of the parameters of the last quarter, evaluated."""
    experiment = heg2d.vary(**TRAINING)
    system = ready(experiment, clock.device)
    curve, mean, averaged, begun = [], None, 0, clock.now()
    while (spent := clock.now() - begun) < seconds:
        system.training_step(0, 0)
        names = ("free_energy", "free_energy_error", "entropy", "stationarity")
        curve.append([round(spent, 2), *(system.metrics.get(name) for name in names)])
        if spent > 0.75 * seconds:
            averaged += 1
            now = [p.detach().clone() for p in system.parameters()]
            mean = now if mean is None else [m + (p - m) / averaged for m, p in zip(mean, now, strict=True)]
    with torch.no_grad():
        for p, m in zip(system.parameters(), mean or [], strict=True):
            p.copy_(m)
        system.on_validation_epoch_start()
        for batch in range(12):
            system.validation_step(batch, batch)
        system.on_validation_epoch_end()
    found: dict[str, Moments] = system.evaluation
    units = system.size  # reported per electron; the published numbers are of the whole gas
    numbers = {
        k: [m.mean.item() * units, m.error.item() * units] for k, m in found.items() if not m.mean.dim()
    }
    return {
        "steps": len(curve),
        "seconds": seconds,
        "whole gas": numbers,
        "curve": curve[:: len(curve) // 40 + 1],
    }


def described(device: torch.device, commit: str) -> dict[str, str]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "one core of a CPU"
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return {"device": name, "torch": torch.__version__, "commit": commit or git.stdout.strip() or "unknown"}


def attempted(make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return make()
    except (RuntimeError, ValueError, ImportError, Diverged, NotKnown, Refused) as error:
        return {"failed": f"{type(error).__name__}: {error}".splitlines()[0]}


def write_table(path: Path, results: Path) -> None:
    """Of the experiments that both devices have measured."""
    found = json.loads(results.read_text())
    with path.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*Times._fields, "device", "commit"])
        for name, there in sorted(found["experiments"].items()):
            here = found[f"experiments{ON_A_CPU}"].get(name, {})
            if "step_ms" in here and "step_ms of a larger batch" in there:
                times = here["step_ms"], there["step_ms"], there["step_ms of a larger batch"]
                row = Times(there["system"], there["size"], there["batch"], *times)
                out.writerow([*row, there["device"], there["commit"][:12]])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda", help="cuda or cpu, on one core (default: %(default)s)")
    parser.add_argument("--what", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--experiments", nargs="+", choices=EXPERIMENTS, default=EXPERIMENTS)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each time (default: %(default)s)")
    parser.add_argument("--training", type=float, default=200.0, help="seconds (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=Path("device.json"))
    parser.add_argument(
        "--table",
        action="store_true",
        help="write devices.csv of the package from --json, and measure nothing",
    )
    parser.add_argument("--commit", default="", help="of the code, where it is no repository")
    arguments = parser.parse_args()
    if arguments.table:
        return write_table(MEASURED, arguments.json)
    what = arguments.what
    torch.set_num_threads(1)
    device = torch.device(arguments.device)
    clock = Clock(device, arguments.seconds)
    where = described(device, arguments.commit)
    found: dict[str, Any] = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}

    def keep(kind: str, name: str, row: dict[str, Any]) -> None:
        kind += "" if device.type == "cuda" else ON_A_CPU
        found.setdefault(kind, {})[name] = row | where
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
        print(f"{kind} {name}: " + ", ".join(f"{k} {v}" for k, v in row.items() if k != "curve"), flush=True)

    gases = [("gas", "{}x{} {} {}".format(*gas), partial(of_gas, *gas, clock)) for gas in GASES]
    atoms = [("atoms", f"{n}, times {more}", partial(of_atoms, n, more, clock)) for n, more in ATOMS]
    for kind, name, make in gases + atoms:
        if kind not in what:
            continue
        keep(kind, name, attempted(make))
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
    for name in arguments.experiments if "experiments" in what else ():
        keep("experiments", name, attempted(partial(of_experiment, name, clock)))
    if "training" in what:
        keep(
            "training",
            f"29x2, {arguments.training:g} s",
            attempted(partial(trained, clock, arguments.training)),
        )


if __name__ == "__main__":
    main()
