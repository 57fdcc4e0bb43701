"""Time of each part of a training step of the electron gas, one core, float64.

    python -m benchmarks.electron_gas                  # all three systems
    python -m benchmarks.electron_gas --steps 1 --systems 13x2

Medians of CPU time a batch, which other jobs on the machine disturb less than wall time.
"""

import argparse
import resource
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.timing import median_ms
from vfe_lightning import declarations
from vfe_lightning.calculus.replay import replayed
from vfe_lightning.free_energy import make_generator
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.systems.electron_gas import ElectronGas

# electrons x dimension: momentum cutoff, walkers, walkers whose jets are held at once
SYSTEMS = {"13x2": (25, 128, 16), "29x2": (25, 32, 4), "33x3": (9, 32, 4)}


def system_of(name: str) -> ElectronGas:
    n, dim = (int(word) for word in name.split("x"))
    cutoff, batch, chunk_size = SYSTEMS[name]
    declaration = declarations.ElectronGas(
        n=n, dim=dim, rs=10.0, theta=0.15, twist=0.25, cutoff=cutoff, chunk_size=chunk_size
    )
    system = ElectronGas(declaration)
    system.prepare(lambda s: make_optimizer(declarations.NaturalGradient(), s), batch, seed=0)
    system.generator = make_generator(torch.device("cpu"), 0, "training")
    return system


def parts(system: ElectronGas) -> dict[str, Callable[[], Any]]:
    """What is timed, each on the same samples."""
    batch = system.batch_size
    optimizer = system.configure_optimizers()
    occupied = system.model.sample(batch, system.generator)
    states = system.states(occupied)
    x, _ = system.sample_positions(states)
    factors = system.estimate(batch).factors

    def step() -> None:
        optimizer.update(system.estimate(batch).factors).at_once()
        optimizer.step()

    return {
        "sample K": lambda: replayed(system.model.sample, batch, system.generator),
        "sample x": lambda: system.sample_positions(states),
        "exact energy": lambda: system.local_kinetic(states, x),
        "potential": lambda: system.hamiltonian.energy(x),
        **{f"scores of {f.name}": f.scores for f in factors},
        "direction": lambda: optimizer.update(factors).at_once(),
        "whole step": step,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument(
        "--steps", type=int, default=7, help="repetitions of each part (default: %(default)s)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.systems:
        system = system_of(name)
        timed = {part: median_ms(f, arguments.steps) for part, f in parts(system).items()}
        row = "  ".join(f"{part} {ms:.0f} ms" for part, ms in timed.items())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"N x d = {name}, {system.batch_size} walkers: {row}  peak memory {peak:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
