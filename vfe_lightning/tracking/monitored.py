"""What each step measured, for callbacks of Lightning: `EarlyStopping("free_energy")`, `ModelCheckpoint`."""

from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback

from vfe_lightning.free_energy import VariationalFreeEnergy


class Monitored(Callback):
    """Puts them where callbacks look, before all others do; the same numbers on every rank.

    As `self.log` would, but without the milliseconds that it takes a number and step.
    """

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        assert isinstance(pl_module, VariationalFreeEnergy)
        found = {name: torch.tensor(value) for name, value in pl_module.metrics.items()}
        trainer.callback_metrics.update(found)
