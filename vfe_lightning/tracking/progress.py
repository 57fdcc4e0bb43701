"""One line while a run goes on: the step, the pace, and F with its error."""

import sys
import time
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from tqdm import tqdm
from tqdm.auto import tqdm as tqdm_of_notebooks

from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.notation import with_error
from vfe_lightning.tracking.provenance import in_notebook

PACE, PACE_IN_FILES = 0.2, 30.0  # seconds between two looks at a bar, and between two lines


class Lines:
    """Where there is no terminal, as in the log file of a queue: whole lines, now and then.

    Without tqdm, whose bars are drawn over with carriage returns.
    """

    def __init__(self, total: int, initial: int, desc: str) -> None:
        self.total, self.n, self.what = total, initial, desc
        self.first, self.began = initial, time.monotonic()
        self.told = self.began
        self.text = ""

    def set_postfix_str(self, text: str, refresh: bool = False) -> None:
        self.text = text

    def update(self) -> None:
        self.n += 1
        now = time.monotonic()
        if now - self.told >= PACE_IN_FILES:
            pace = (now - self.began) / (self.n - self.first)
            words = f"{self.what} {self.n}/{self.total}, {pace:.3g} s a step, {self.text}"
            print(words.removesuffix(", "), file=sys.stderr, flush=True)
            self.told = now

    def close(self) -> None:
        pass


class Progress(Callback):
    """A bar on a terminal or in a notebook; in a log file a line every half minute."""

    def __init__(self, units: str) -> None:
        self.units = units
        self.bar: tqdm | Lines | None = None

    def open(self, total: int, start: int, what: str) -> None:
        if not in_notebook() and not sys.stderr.isatty():
            self.bar = Lines(total, start, what)
            return
        kind = tqdm_of_notebooks if in_notebook() else tqdm
        self.bar = kind(
            total=total,
            initial=start,
            desc=what,
            mininterval=PACE,
            maxinterval=PACE,
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
