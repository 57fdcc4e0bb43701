"""An electron gas that tests can afford, with random numbers of its own."""

from typing import Any

import torch

from vfe_lightning.declarations import ElectronGas as Declared
from vfe_lightning.declarations import NaturalGradient
from vfe_lightning.free_energy import make_generator
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.systems.electron_gas import ElectronGas

FIELDS = {
    "dim": 2,
    "rs": 5,
    "theta": 0.3,
    "twist": 0.25,
    "cutoff": 4,
    "flow": {"width": 4, "pair_width": 4, "init_scale": 0.2},
    "occupation": {"kind": "transformer", "width": 4, "heads": 2, "hidden": 4},
}


def small_gas(seed: int = 0, **changes: Any) -> ElectronGas:
    torch.manual_seed(seed)
    made = ElectronGas(Declared(**FIELDS | changes))
    made.generator = make_generator(torch.device("cpu"), seed, "training")
    return made


def assert_no_dead_layers(gas: ElectronGas) -> None:
    """Each tensor of parameters has a score somewhere, soon after a start at zero."""
    optimizer = make_optimizer(NaturalGradient(), gas)
    for _ in range(2):
        optimizer.update(gas.estimate(32).factors).at_once()
        optimizer.step()
    for factor in gas.estimate(32).factors:
        sizes = {name: p.numel() for name, p in factor.module.named_parameters()}
        for name, part in zip(sizes, factor.scores().abs().amax(0).split(list(sizes.values())), strict=True):
            assert float(part.max()) > 0, f"{factor.name}: {name}"
