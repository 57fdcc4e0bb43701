"""Ctrl-C and SIGTERM: finish the step, save, stop on all ranks; no collectives in handlers."""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

import lightning as L
import torch
import torch.distributed as dist
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import ParallelStrategy

from vfe_lightning import reductions
from vfe_lightning.errors import Interrupted
from vfe_lightning.tracking.record import Record
from vfe_lightning.tracking.watchdog import Watchdog

SIGNALS = (signal.SIGINT, signal.SIGTERM)
TOLD = (
    "VFE_OPENED"  # environment of the ranks that this process starts: its own pid, and what they have to know
)


class GracefulStop(Callback):
    """Handles signals from `__enter__` to `__exit__`; a second signal stops at once.

    Outside the loops, and with one process, a signal raises Interrupted where the program is.
    """

    def __init__(self) -> None:
        self.signum, self.looping, self.raised, self.held = 0, False, False, False
        self.old: dict[int, Any] = {}
        self.record: Record | None = None  # of the run that is to be called KILLED
        self.watchdog = Watchdog(parent_of_rank(), self.last_words)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self.old = {s: signal.signal(s, self.handle) for s in SIGNALS}
            self.watchdog.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self.old:
            self.watchdog.end()
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
        self.watchdog.handled += 1
        if again or not (self.looping or self.held):
            self.raised = True
            raise Interrupted(signum)
        if self.looping and reductions.rank() == 0:
            print("stopping after this step; once more stops at once", file=sys.stderr)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """What is done here is done to its end: a run is not made without this process knowing of it."""
        self.held = True
        try:
            yield
        finally:
            self.held = False
        self.raise_if_stopped()

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

    def loop(self, on: bool) -> None:
        self.looping = self.watchdog.looping = on

    def watch(self, trainer: L.Trainer) -> None:
        """From now on the ranks are waited for, but not for long."""
        strategy = trainer.strategy
        self.watchdog.meeting(isinstance(strategy, ParallelStrategy))
        # Lightning kills rank 0 without a word when it finds one of the processes that it started dead.
        self.watchdog.release = lambda: getattr(strategy.launcher, "procs", []).clear()

    def last_words(self, signum: int) -> None:
        if self.record:
            self.record.end("KILLED", f"Interrupted: {Interrupted(signum)}")

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self.watchdog.met()

    def on_train_start(self, *_: Any) -> None:
        self.loop(True)

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        if self.agreed(pl_module.device):
            trainer.should_stop = True

    def on_train_end(self, *_: Any) -> None:
        self.loop(False)

    def on_validation_start(self, *_: Any) -> None:
        self.loop(True)

    def on_validation_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        if self.agreed(pl_module.device):
            raise Interrupted(self.signum)

    def on_validation_end(self, *_: Any) -> None:
        self.loop(False)


def told_by_parent() -> list[Any] | None:
    """What the process has to know that started this one as a rank of its own."""
    told = os.environ.get(TOLD)
    parent, *what = json.loads(told) if told else (os.getpid(),)
    return what if parent != os.getpid() and "LOCAL_RANK" in os.environ else None


def tell_children(what: list[Any]) -> None:
    os.environ[TOLD] = json.dumps([os.getpid(), *what])


def parent_of_rank() -> int | None:
    """The process without which this rank is to end; None of one that the user has started."""
    if told_by_parent() is not None:
        return json.loads(os.environ[TOLD])[0]
    return os.getppid() if "TORCHELASTIC_RUN_ID" in os.environ else None
