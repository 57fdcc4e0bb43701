"""Which device a run takes where that is left open: the faster one, by measured times of a step.

The times are in devices.csv, which `python -m benchmarks.device` writes: of one core of a CPU and of a GPU,
for each system at the batch of its experiment and, on the GPU, at sixteen times that.
"""

import csv
import math
from pathlib import Path
from typing import NamedTuple

import torch

from vfe_lightning import declarations
from vfe_lightning.free_energy import VariationalFreeEnergy

MEASURED = Path(__file__).with_name("devices.csv")
LARGER = 16  # times the batch, the second time on the GPU


class Choice(NamedTuple):
    """A kind of device, and why where there was a choice."""

    accelerator: str
    why: str = ""


class Times(NamedTuple):
    """Of a step, in ms."""

    system: str
    size: int
    batch: int
    cpu: float
    gpu: float
    gpu_larger: float

    def at(self, batch: int) -> tuple[float, float]:
        """On a core of a CPU, which takes as much longer as there is more to do, and on a GPU."""
        slope = max(self.gpu_larger - self.gpu, 0.0) / ((LARGER - 1) * self.batch)
        return self.cpu * batch / self.batch, max(self.gpu + slope * (batch - self.batch), self.gpu / 2)


def measured(path: Path = MEASURED) -> list[Times]:
    with path.open() as file:
        return [
            Times(r["system"], int(r["size"]), int(r["batch"]), *(float(r[k]) for k in Times._fields[3:]))
            for r in csv.DictReader(file)
        ]


def without_measurement(budget: declarations.Trainer) -> Choice | None:
    """The kind of device where it follows from the budget alone: several processes take GPUs that exist."""
    if budget.accelerator != "auto":
        return Choice(budget.accelerator)
    gpus = torch.cuda.device_count()
    if gpus == 0:
        return Choice("cpu")
    if budget.devices > gpus:
        return Choice("cpu", f"on the CPU: {budget.devices} processes, {gpus} GPU")
    if budget.devices * budget.num_nodes > 1:
        return Choice("gpu", f"on GPUs: {budget.devices} of {gpus}; --trainer.accelerator cpu takes the CPU")
    return None


def chosen(budget: declarations.Trainer, system: VariationalFreeEnergy) -> Choice:
    """As declared; of `auto`, the GPU where there are enough of them and a step is faster there."""
    if choice := without_measurement(budget):
        return choice
    name, batch = type(system.declaration).__name__, system.batch_size // budget.accumulate
    known = [times for times in measured() if times.system == name]
    if not known:
        return Choice("cpu", f"on the CPU: no step of {name} has been measured on a GPU")
    cpu, gpu = min(known, key=lambda times: abs(math.log(times.size / system.size))).at(batch)
    kind, place = ("gpu", "GPU") if gpu < cpu else ("cpu", "CPU")
    return Choice(
        kind,
        f"on the {place}: a step of such a {name} with {batch} samples took {gpu:.0f} ms on a GPU and "
        f"{cpu:.0f} ms on one core; --trainer.accelerator cpu or gpu decides otherwise",
    )
