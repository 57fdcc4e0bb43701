"""One line while a run goes on: the step, the pace, and F with its error."""

import sys
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from tqdm import tqdm

from vfe_lightning.analysis.results import with_error
from vfe_lightning.free_energy import VariationalFreeEnergy


class Progress(Callback):
    """A bar on a terminal; in a log file a line every half minute."""

    def __init__(self, units: str) -> None:
        self.units = units
        self.bar: tqdm | None = None

    def open(self, total: int, start: int, what: str) -> None:
        pace = 0.2 if sys.stderr.isatty() else 30.0
        self.bar = tqdm(
            total=total,
            initial=start,
            desc=what,
            mininterval=pace,
            maxinterval=pace,
            leave=False,
            dynamic_ncols=True,
        )

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.open(trainer.max_steps, trainer.global_step, "train")

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        assert isinstance(pl_module, VariationalFreeEnergy) and self.bar is not None
        m = pl_module.metrics
        text = f"F = {with_error(m['free_energy'], m['free_energy_error'])} {self.units}"
        self.bar.set_postfix_str(text, refresh=False)
        self.bar.update()

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, VariationalFreeEnergy)
        self.open(int(sum(trainer.num_val_batches)), 0, "compare" if pl_module.comparing else "evaluate")

    def on_validation_batch_end(self, *_: Any) -> None:
        assert self.bar is not None
        self.bar.update()

    def on_train_end(self, *_: Any) -> None:
        self.close()

    def on_validation_end(self, *_: Any) -> None:
        self.close()

    def on_exception(self, *_: Any) -> None:
        self.close()
