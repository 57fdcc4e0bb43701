"""Every step's metrics, written many steps at a time."""

import statistics
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback

from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.tracking.items import Measured
from vfe_lightning.tracking.record import Record

STEPS, SECONDS = 20, 10.0  # written when so many steps or so much time have gathered


class BufferedMetrics(Callback):
    """Collects `module.metrics`; all are written before each checkpoint, so that the record never lags it.

    Between two checkpoints a thread writes, while torch computes: a step does not wait for the disk.

    A resumed run computes again what was measured after its checkpoint, bit for bit: steps that
    are recorded already are not written twice.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.pending: list[Measured] = []
        self.writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="metrics")
        self.writing: list[Future[None]] = []
        self.broken = False
        self.recorded = 0
        self.durations: list[float] = []
        self.written = self.began = time.monotonic()

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.recorded = max(self.record.curve("free_energy"), default=0)
        self.written = time.monotonic()

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        self.began = time.monotonic()

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        assert isinstance(pl_module, VariationalFreeEnergy)
        now = time.monotonic()
        self.durations.append(now - self.began)
        if trainer.global_step > self.recorded:
            values = pl_module.metrics | {"step_seconds": now - self.began}
            self.pending.append((trainer.global_step, int(time.time() * 1000), values))
        if len(self.pending) >= STEPS or now - self.written > SECONDS:
            self.flush()

    def seconds_per_step(self) -> float | None:
        """The median, which the first steps and a busy machine disturb little.

        Of a run that was resumed after its last step it is that of its earlier sessions.
        """
        durations = self.durations or list(self.record.curve("step_seconds").values())
        return statistics.median(durations) if durations else None

    def flush(self) -> None:
        """Hand over what has gathered to the thread that writes.

        Raises:
            OSError: when what was handed over before could be neither delivered nor kept.
        """
        if self.pending:
            self.writing.append(self.writer.submit(self.write, self.pending))
            self.recorded = self.pending[-1][0]
        self.pending, self.written = [], time.monotonic()
        while self.writing and self.writing[0].done():
            self.writing.pop(0).result()

    def write(self, steps: list[Measured]) -> None:
        if self.broken:  # a later step on record would hide that earlier ones are missing
            return
        try:
            self.record.curves(steps)
        except BaseException:
            self.broken = True
            raise

    def finish(self) -> None:
        """All steps so far are on record, or an error says that they are not."""
        self.flush()
        while self.writing:
            self.writing.pop(0).result()

    def on_save_checkpoint(self, *_: Any) -> None:
        self.finish()

    def on_train_end(self, *_: Any) -> None:
        self.finish()

    def on_exception(self, *_: Any) -> None:
        self.finish()
