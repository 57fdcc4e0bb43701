"""Time of each part of a training step of the electron gas, one core, float64.

    python -m benchmarks.electron_gas                  # all three systems
    python -m benchmarks.electron_gas --steps 1 --cases 13x2

Medians of CPU time a batch, which other jobs on the machine disturb less than wall time.
"""

from collections.abc import Callable
from typing import Any

import torch

from benchmarks.timing import time_cases
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


if __name__ == "__main__":
    time_cases(__doc__, SYSTEMS, system_of, parts)
