"""What several GPUs would give: the step of the electron gas from measured parts and counted collectives.

    python -m benchmarks.scaling                                # from benchmarks/device.json
    python -m benchmarks.scaling --bandwidth 50 --latency 50    # a slower network

The step on one GPU is taken as a + b batch, from the measured batches; where only one was measured, a is its
time without work of the GPU. A size that was not measured scales b as a power of n that the two largest
measured sizes give. Each rank does its share of the batch; what ranks tell each other is counted in a step
of the real system, in bytes, and takes latency + bytes / bandwidth. The solve is the same on every rank.
"""

import argparse
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import torch

from benchmarks.device import Stepper
from vfe_lightning import declarations, reductions
from vfe_lightning.free_energy import make_generator
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.systems.electron_gas import ElectronGas

MEASURED = Path(__file__).with_name("device.json")
CUTOFFS = {13: 25, 29: 25, 57: 49, 114: 64}
FLOPS = 20e12  # of a Cholesky factorisation in double precision
RANKS = (1, 2, 4, 8)


class Collectives(NamedTuple):
    calls: int
    bytes: int


class Counter:
    """Stands in for torch.distributed in one process: counts what each rank would send."""

    ReduceOp = torch.distributed.ReduceOp

    def __init__(self, ranks: int) -> None:
        self.ranks, self.calls, self.bytes = ranks, 0, 0

    def is_available(self) -> bool:
        return True

    def is_initialized(self) -> bool:
        return True

    def get_world_size(self) -> int:
        return self.ranks

    def get_rank(self) -> int:
        return 0

    def all_reduce(self, x: torch.Tensor, op: Any = None) -> None:
        self._count(x)

    def all_gather(self, parts: list[torch.Tensor], x: torch.Tensor) -> None:
        self._count(x, len(parts))
        for part in parts:
            part.copy_(x)

    def _count(self, x: torch.Tensor, times: int = 1) -> None:
        self.calls += 1
        self.bytes += times * x.numel() * x.element_size()


@contextmanager
def counted(ranks: int) -> Iterator[Counter]:
    counter = Counter(ranks)
    with mock.patch.object(reductions, "dist", counter):
        yield counter


def system_of(n: int, batch: int) -> ElectronGas:
    gas = declarations.ElectronGas(n=n, dim=2, rs=10.0, theta=0.15, twist=0.25, cutoff=CUTOFFS.get(n, 4))
    torch.manual_seed(0)
    system = ElectronGas(gas)
    system.prepare(partial(make_optimizer, declarations.NaturalGradient()), batch, seed=0)
    system.generator = make_generator(torch.device("cpu"), 0, "training")
    stepper = Stepper(system)
    system.optimizers = lambda: stepper  # pyright: ignore
    return system


def parameters(system: ElectronGas) -> tuple[int, int]:
    """Of p(K) and of Psi."""
    p, psi = (sum(p.numel() for p in m.parameters()) for m in (system.model, system.wavefunction))
    return p, psi


def in_a_step(system: ElectronGas, ranks: int) -> Collectives:
    """What one rank sends in a real step of a batch that all ranks share."""
    with counted(ranks) as counter:
        system.training_step(0, 0)
    return Collectives(counter.calls, counter.bytes)


def large_ones(sizes: tuple[int, int], batch: int) -> int:
    """Bytes of the Fisher matrices, or of the rows of scores where these are fewer than the parameters."""
    total = 0
    for rows, size in zip((batch, 2 * batch), sizes, strict=True):
        total += 8 * (rows * (size + 1) if rows < size else size**2)
    return total


def fits(measured: dict[str, Any]) -> dict[int, tuple[float, float]]:
    """ms of a step as a + b batch, by n, in two dimensions."""
    rows: dict[int, list[dict[str, Any]]] = {}
    for row in measured["gas"].values():
        if isinstance(row, dict) and row.get("dim") == 2:
            rows.setdefault(row["n"], []).append(row)
    found = {}
    for n, known in rows.items():
        last = max(known, key=lambda row: row["batch"])
        slope = last["busy_ms"] / last["batch"]
        found[n] = (max(last["step_ms"] - last["busy_ms"], 0.0) + 20.0, slope)
        if len(known) > 1:
            first = min((r for r in known if r["batch"] >= 1024), key=lambda row: row["batch"])
            slope = (last["step_ms"] - first["step_ms"]) / (last["batch"] - first["batch"])
            found[n] = (last["step_ms"] - slope * last["batch"], slope)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--bandwidth", type=float, default=300.0, help="GB/s of a rank (default: %(default)s)"
    )
    parser.add_argument(
        "--latency", type=float, default=20.0, help="us of a collective (default: %(default)s)"
    )
    parser.add_argument("--batch", type=int, default=8192, help="walkers of all ranks (default: %(default)s)")
    parser.add_argument("--n", type=int, nargs="+", default=[29, 57, 114])
    arguments = parser.parse_args()
    known = fits(json.loads(MEASURED.read_text()))
    small, large = sorted(known)[-2:]
    power = math.log(known[large][1] / known[small][1]) / math.log(large / small)
    print(f"walkers of a GPU cost as n^{power:.2f}, from n = {small} and {large}")
    for n in arguments.n:
        constant, slope = known.get(n) or (known[large][0], known[large][1] * (n / large) ** power)
        system = system_of(n, 16)
        sizes = parameters(system)
        calls = in_a_step(system, 2).calls
        solve = 1e3 * sum(size**3 / 3 for size in sizes) / FLOPS
        sent = large_ones(sizes, arguments.batch)
        told = (
            f"n = {n}, {sizes[0]} + {sizes[1]} parameters, {calls} collectives a step, {sent / 2**20:.0f} MiB"
        )
        print(f"{told}, solve {solve:.1f} ms")
        for ranks in RANKS:
            compute = constant + slope * arguments.batch / ranks
            talk = 0.0 if ranks == 1 else calls * arguments.latency / 1e3 + sent / arguments.bandwidth / 1e6
            strong = constant + slope * arguments.batch + solve
            weak = constant + slope * arguments.batch + solve + talk
            step = compute + solve + talk
            print(
                f"  {ranks} GPUs: step {step:.0f} ms ({strong / step:.2f} times as fast; {talk:.1f} ms of "
                f"collectives); with {arguments.batch} walkers each {weak:.0f} ms"
            )


if __name__ == "__main__":
    main()
