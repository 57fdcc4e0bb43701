"""Ctrl-C and SIGTERM: finish the step, save, stop on all ranks; no collectives in handlers."""

import signal
import sys
import threading
from types import FrameType
from typing import Any, Self

import lightning as L
import torch
import torch.distributed as dist
from lightning.pytorch.callbacks import Callback

from vfe_lightning import reductions
from vfe_lightning.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class GracefulStop(Callback):
    """Handles signals from `__enter__` to `__exit__`; a second signal stops at once.

    Outside the loops, and with one process, a signal raises Interrupted where the program is.
    """

    def __init__(self) -> None:
        self.signum, self.looping, self.raised = 0, False, False
        self.old: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self.old = {s: signal.signal(s, self.handle) for s in SIGNALS}
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        for signum, handler in self.old.items():
            signal.signal(signum, handler)
        if error and (meant := self.meant(error)) is not error:
            raise meant from error

    def meant(self, error: BaseException) -> BaseException:
        """The signal behind an error: MLflow wraps what is raised inside of its database sessions."""
        hidden = self.raised and isinstance(error, Exception) and not isinstance(error, Interrupted)
        return Interrupted(self.signum) if hidden else error

    def handle(self, signum: int, frame: FrameType | None) -> None:
        again, self.signum = bool(self.signum), signum
        if again or not self.looping:
            self.raised = True
            raise Interrupted(signum)
        if reductions.rank() == 0:
            print("stopping after this step; once more stops at once", file=sys.stderr)

    def raise_if_stopped(self) -> None:
        if self.signum:
            raise Interrupted(self.signum)

    def agreed(self, device: torch.device) -> bool:
        """Whether any rank has been told to stop."""
        if reductions.world_size() > 1:
            signum = torch.tensor(self.signum, device=device)
            dist.all_reduce(signum, dist.ReduceOp.MAX)
            self.signum = int(signum)
        return self.signum != 0

    def begin(self) -> None:
        self.looping = True
        for signum in self.old:  # Lightning has put its own in place, which hang under DDP (#20806)
            signal.signal(signum, self.handle)

    def on_train_start(self, *_: Any) -> None:
        self.begin()

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        if self.agreed(pl_module.device):
            trainer.should_stop = True

    def on_train_end(self, *_: Any) -> None:
        self.looping = False

    def on_validation_start(self, *_: Any) -> None:
        self.begin()

    def on_validation_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        if self.agreed(pl_module.device):
            raise Interrupted(self.signum)

    def on_validation_end(self, *_: Any) -> None:
        self.looping = False
