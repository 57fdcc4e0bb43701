"""Systems that are trained and evaluated step by step, as Lightning would, without a run."""

from types import SimpleNamespace
from typing import Any

import torch

from vfe_lightning.declarations import Adam, Optimizer, System
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.streams import make_generator

ADAM = Adam(learning_rate=0.02, decay=200)


def prepared(declaration: System, optimizer: Optimizer = ADAM, batch: int = 200, accumulate: int = 1) -> Any:
    torch.manual_seed(0)
    system = declaration.build()
    made = make_optimizer(optimizer, system)
    system.prepare(lambda _: made, batch, seed=0, accumulate=accumulate)
    system.generator = make_generator(torch.device("cpu"), 0, "training")
    stepper = SimpleNamespace(optimizer=made, step=made.step)
    system.optimizers = lambda: stepper
    return system


def train(system: Any, steps: int) -> Any:
    for step in range(steps):
        system.training_step(step, step)
    system.eval()
    return system


def evaluate(system: Any, batches: int = 20) -> dict[str, tuple[float, float]]:
    """Means and errors of all that is a number."""
    system.eval()
    with torch.no_grad():
        system.on_validation_epoch_start()
        for i in range(batches):
            system.validation_step(i, i)
        system.on_validation_epoch_end()
    return {k: (m.mean.item(), m.error.item()) for k, m in system.evaluation.items() if m.mean.ndim == 0}
