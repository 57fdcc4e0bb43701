"""Time of each part of a training step of dense hydrogen, one core, float64.

    python -m benchmarks.hydrogen                      # 2, 4 and 16 atoms
    python -m benchmarks.hydrogen --steps 1 --cases 16

Medians of CPU time a batch, which other jobs on the machine disturb less than wall time.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from benchmarks.timing import time_cases
from experiments.hydrogen import hydrogen
from vfe_lightning.calculus.replay import replayed
from vfe_lightning.declarations import DenseHydrogen
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.streams import make_generator
from vfe_lightning.systems.dense_hydrogen import DenseHydrogen as System
from vfe_lightning.systems.hydrogen_electrons import mean_field_energy

# atoms: r_s, K, walkers
CASES = {"2": (2.0, 10_000.0, 256), "4": (2.0, 10_000.0, 256), "16": (1.25, 6_000.0, 64)}


def system_of(name: str, times: int = 1, device: str = "cpu") -> System:
    """Of so many times the walkers."""
    rs, kelvin, batch = CASES[name]
    known = hydrogen.system
    assert isinstance(known, DenseHydrogen)
    declaration = known.model_copy(update={"n": int(name), "rs": rs, "kelvin": kelvin, "mean_field_steps": 0})
    torch.manual_seed(0)
    system = System(declaration)
    system.prepare(lambda s: make_optimizer(hydrogen.optimizer, s), times * batch, seed=0)
    system.to(device)
    system.generator = make_generator(torch.device(device), 0, "training")
    return system


def parts(system: System) -> dict[str, Callable[[], Any]]:
    """What is timed, each on the same samples."""
    batch, each = system.batch_size, system.declaration.walkers_per_geometry
    optimizer = system.configure_optimizers()
    z = system.model.start.sample(batch // each, system.generator)
    s, _ = system.model.carried(z)
    electrons = system.electrons(s.detach())
    states = electrons.states[torch.arange(batch // each, device=z.device).repeat_interleave(each)]
    x, _ = system.wavefunction.sample(states, system.generator)
    factors = system.estimate(batch).factors
    kinetic = partial(system.wavefunction.kinetic, states, x)

    def step() -> None:
        optimizer.update(system.estimate(batch).factors).at_once()
        optimizer.step()

    return {
        "sample S": lambda: replayed(
            system.model.carried, system.model.start.sample(batch // each, system.generator)
        ),
        "orbitals": lambda: system.states(s.detach()),
        "mean field": lambda: replayed(mean_field_energy, electrons.lowest),
        "sample x": lambda: system.wavefunction.sample(states, system.generator),
        "kinetic energy": lambda: system.chunks.run(kinetic, x.device),
        "potential": lambda: replayed(system.hamiltonian.interactions, x, states.protons),
        **{f"scores of {f.name}": f.scores for f in factors},
        "direction": lambda: optimizer.update(factors).at_once(),
        "whole step": step,
    }


if __name__ == "__main__":
    time_cases(__doc__, CASES, system_of, parts)
