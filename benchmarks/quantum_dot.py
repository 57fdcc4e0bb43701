"""Time of each part of a training step of the quantum dot, one core, float64.

    python -m benchmarks.quantum_dot     # N = 6 polarised, 256 walkers
    python -m benchmarks.quantum_dot --steps 1

Medians of CPU time a batch, which other jobs on the machine disturb less than wall time.
"""

import argparse
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from benchmarks.timing import median_ms
from vfe_lightning import declarations
from vfe_lightning.free_energy import make_generator
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.systems.quantum_dot import QuantumDot
from vfe_lightning.wavefunctions.kinetic import continuous_kinetic

WALKERS = 256


def dots() -> dict[str, declarations.QuantumDot]:
    """What is timed: both limits of temperature, and the richer velocity."""
    pair = declarations.PairVelocity(width=24)
    ground = declarations.QuantumDot(
        n_up=6,
        z=0.5,
        beta=math.inf,
        occupation=declarations.LowestDeterminant(),
        flow=declarations.ContinuousFlow(velocity=pair),
    )
    thermal = {"beta": 2.0, "occupation": declarations.Transformer(layers=1), "walkers_per_state": 2}
    richer = declarations.ContinuousFlow(velocity=declarations.MessagePassing(width=24, messages=2))
    mixed = declarations.TrapConfigurationInteraction(cutoff=2)
    return {
        "ground state": ground,
        "ground state, mixed determinants": ground.model_copy(update={"base_states": mixed}),
        "beta = 2": ground.model_copy(update=thermal),
        "ground state, message passing": ground.model_copy(update={"flow": richer}),
    }


def parts(declaration: declarations.QuantumDot) -> dict[str, Callable[[], Any]]:
    """Each part of a step on the same samples, and the whole step."""
    system = QuantumDot(declaration)
    system.prepare(
        lambda s: make_optimizer(declarations.NaturalGradient(learning_rate=1e-3), s), WALKERS, seed=0
    )
    system.generator = make_generator(torch.device("cpu"), 0, "training")
    optimizer = system.configure_optimizers()
    occupied = system.model.sample(WALKERS, system.generator)
    states = system.states(occupied)
    z = states.sample(system.generator)
    flow = system.wavefunction.flow
    x, _ = flow.invert(z)
    factors = system.estimate(WALKERS).factors

    def step() -> None:
        optimizer.update(system.estimate(WALKERS).factors).at_once()
        optimizer.step()

    return {
        "sample K": lambda: system.model.sample(WALKERS, system.generator),
        "sample z": lambda: states.sample(system.generator),
        "z to x": lambda: flow.invert(z),
        "exact energy": lambda: system.chunks.run(partial(continuous_kinetic, flow, states, x), x.device),
        **{f"scores of {f.name}": f.scores for f in factors},
        "direction": lambda: optimizer.update(factors).at_once(),
        "whole step": step,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--steps", type=int, default=7, help="repetitions of each part (default: %(default)s)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name, declaration in dots().items():
        timed = {part: median_ms(f, arguments.steps) for part, f in parts(declaration).items()}
        row = "  ".join(f"{part} {ms:.0f} ms" for part, ms in timed.items())
        print(f"N = {declaration.n_up}, {name}, {WALKERS} walkers: {row}", flush=True)


if __name__ == "__main__":
    main()
