"""Time of each part of a training step of the 16 x 16 Ising model, one core.

    python -m benchmarks.spins          # hierarchical and MADE with 1000, PixelCNN with 100 samples
    python -m benchmarks.spins --steps 1 --cases pixel_cnn

Medians of CPU time a batch. The public code of Wu, Wang & Zhang, PRL 122, 080602 (2019), which evaluates
the network once for each site, needs 12.7 s (MADE) and 5.0 s (PixelCNN) a step on one core.
"""

from collections.abc import Callable
from typing import Any

import torch

from benchmarks.timing import time_cases
from vfe_lightning import declarations
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.streams import make_generator
from vfe_lightning.systems.spins import Spins

ADAM, NATURAL = declarations.Adam(), declarations.NaturalGradient()
# name: network, samples, optimiser; every model is even in s, as in training
CASES = {
    "hierarchical": (declarations.Hierarchical(), 1000, ADAM),
    "made": (declarations.MADE(depth=3, width=4), 1000, ADAM),
    "made_single": (declarations.MADE(depth=3, width=4, precision="single"), 1000, ADAM),
    "pixel_cnn": (declarations.PixelCNN(depth=3, width=16, reach=3), 100, ADAM),
    "pixel_cnn_single": (declarations.PixelCNN(depth=3, width=16, reach=3, precision="single"), 100, ADAM),
    "pixel_cnn_natural_gradient": (declarations.PixelCNN(depth=3, width=16, reach=3), 100, NATURAL),
}


def system_of(name: str) -> Spins:
    network, batch, optimizer = CASES[name]
    torch.manual_seed(0)
    declaration = declarations.Ising(L=16, beta=0.44, network=network, annealing=declarations.NoAnnealing())
    system = declaration.build()
    assert isinstance(system, Spins)
    system.prepare(lambda s: make_optimizer(optimizer, s), batch, seed=0)
    system.generator = make_generator(torch.device("cpu"), 0, "training")
    return system


def parts(system: Spins) -> dict[str, Callable[[], Any]]:
    """What is timed, each on the same samples."""
    batch = system.batch_size
    optimizer: Any = system.configure_optimizers()
    x = system.model.sample(batch, system.generator)

    def step() -> None:
        optimizer.update(system.estimate(batch).factors).at_once()
        optimizer.step()

    return {
        "sample": lambda: system.model.sample(batch, system.generator),
        "ln p": torch.no_grad()(lambda: system.model.log_prob(x)),
        "energy": lambda: system.hamiltonian.energy(x),
        "whole step": step,
    }


if __name__ == "__main__":
    time_cases(__doc__, CASES, system_of, parts)
