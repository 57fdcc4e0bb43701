"""Time of each part of a training step of fields on a lattice, one core.

    python -m benchmarks.fields                        # phi^4, neural RG, Monge-Ampere
    python -m benchmarks.fields --steps 3 --cases neural_rg_8

Medians of CPU time a batch. `public` cases are as large as those of the public codes, which need for a step
of 64 samples on a core: NeuralRG 0.39 s at L = 8 and 0.87 s at L = 16, with 10 couplings of 10 hidden units;
MongeAmpereFlow at L = 16, with 50 Runge-Kutta steps of one potential of 512 hidden units, 2.78 s, and 4.22 s
with random translations. Here the networks of the couplings have two hidden layers, there three,
and the 512 units are the translations of two kernels. The flow is odd, so that both symmetries are exact;
`symmetrized` averages a flow that is not over x -> -x.
"""

from collections.abc import Callable
from typing import Any

import torch

from benchmarks.timing import time_cases
from vfe_lightning import declarations
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.streams import make_generator
from vfe_lightning.systems.continuous import Continuous

RG, MA = declarations.NeuralRG(), declarations.MongeAmpere()
PUBLIC_RG = declarations.NeuralRG(couplings=10, width=10, bins=1)
PUBLIC_MA = declarations.MongeAmpere(potentials=1, steps=50, width=2, reach=8)
# name: system, samples
CASES = {
    "phi4_8": (declarations.PhiFour(L=8, m2=-4.0, lam=8.0), 64),
    "neural_rg_8": (declarations.IsingDual(L=8, symmetrize=True, flow=RG), 128),
    "neural_rg_8_odd": (declarations.IsingDual(L=8, flow=RG), 128),
    "neural_rg_16": (declarations.IsingDual(L=16, symmetrize=True, flow=RG), 64),
    "monge_ampere_8": (declarations.IsingDual(L=8, symmetrize=True, flow=MA), 64),
    "monge_ampere_16": (declarations.IsingDual(L=16, symmetrize=True, flow=MA), 64),
    "monge_ampere_16_odd": (declarations.IsingDual(L=16, flow=MA), 64),
    "neural_rg_8_public": (declarations.IsingDual(L=8, flow=PUBLIC_RG), 64),
    "neural_rg_8_public_symmetrized": (declarations.IsingDual(L=8, symmetrize=True, flow=PUBLIC_RG), 64),
    "neural_rg_16_public": (declarations.IsingDual(L=16, flow=PUBLIC_RG), 64),
    "neural_rg_16_public_symmetrized": (declarations.IsingDual(L=16, symmetrize=True, flow=PUBLIC_RG), 64),
    "monge_ampere_16_public": (declarations.IsingDual(L=16, flow=PUBLIC_MA), 64),
    "monge_ampere_16_public_symmetrized": (declarations.IsingDual(L=16, symmetrize=True, flow=PUBLIC_MA), 64),
}


def system_of(name: str) -> Continuous:
    declaration, batch = CASES[name]
    torch.manual_seed(0)
    system = declaration.build()
    assert isinstance(system, Continuous)
    system.prepare(lambda s: make_optimizer(declarations.Adam(), s), batch, seed=0)
    system.generator = make_generator(torch.device("cpu"), 0, "training")
    return system


def parts(system: Continuous) -> dict[str, Callable[[], Any]]:
    """What is timed."""
    batch = system.batch_size
    optimizer: Any = system.configure_optimizers()
    sample = torch.no_grad()(lambda: system.model.rsample(batch, system.generator))
    x, _ = sample()

    def step() -> None:
        optimizer.update(system.estimate(batch).factors).at_once()
        optimizer.step()

    return {
        "sample": sample,
        "ln p": torch.no_grad()(lambda: system.model.log_prob(x)),
        "energy": lambda: system.hamiltonian.energy(x),
        "whole step": step,
    }


if __name__ == "__main__":
    time_cases(__doc__, CASES, system_of, parts)
