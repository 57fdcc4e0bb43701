"""What a run has to say to MLflow, in order and without loss, whether or not MLflow takes it.

What cannot be delivered is kept on disk, under mlruns/undelivered, and tried again: while the run
goes on, when it is resumed, and by `python -m vfe_lightning sweep`.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from vfe_lightning.errors import Deleted, masked
from vfe_lightning.tracking import store
from vfe_lightning.tracking.deleted import how_deleted
from vfe_lightning.tracking.items import Item, passing, put

PAUSE = 20.0  # seconds between two attempts while MLflow takes nothing


class Outbox:
    """Of one run: one process writes to it at a time, from any of its threads.

    Attributes:
        file: what waits, an item a line; there is none while nothing waits.
        attempts_failed: how often MLflow did not take what was next.
        guard: called before each delivery; raises where another process writes to the run by now.
        since: when the delivery of the item began that is on its way, by the monotonic clock.
    """

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client, self.run_id = client, run_id
        self.file = folder() / f"{run_id}.jsonl"
        self.away = self.file.exists()
        self.attempts_failed, self.next_attempt = 0, 0.0
        self.since: float | None = None
        self.delivered = 0  # bytes of the file
        self.filing, self.delivering = threading.Lock(), threading.Lock()
        self.guard: Callable[[], None] | None = None

    def send(self, item: Item) -> None:
        """Deliver an item after all that came before it, or keep it on disk.

        Raises:
            OSError: when it can be neither delivered nor kept.
            Deleted: when the run was deleted in MLflow; the item is kept.
        """
        if self.file.exists():
            self.keep(item)
            self.deliver()
            return
        try:
            self.put(item)
        except Exception as error:
            lost = isinstance(error, Deleted)
            if lost or passing(error):
                self.keep(item)
            if lost or not passing(error):
                raise
            self.fail(error)

    def keep(self, item: Item) -> None:
        with self.filing:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a+b") as file:
                if file.tell() and (file.seek(-1, os.SEEK_END), file.read())[1] != b"\n":
                    file.write(b"\n")  # a process died, or the disk was full, in the middle of a line
                file.write(json.dumps(item).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())

    def deliver(self, at_once: bool = False) -> bool:
        """Try to deliver all that is kept, if it is time to: whether nothing is kept any more.

        Raises:
            Deleted: when the run was deleted in MLflow; all is kept.
            MlflowException: when MLflow will never take an item, which is put aside: the next call goes on.
        """
        if self.file.exists() and (at_once or time.monotonic() >= self.next_attempt):
            with self.delivering:
                self.deliver_lines()
        return not self.file.exists()

    def deliver_lines(self) -> None:
        try:
            if self.away:
                store.check_reachable(store.tracking_uri())
            while line := self.first():
                if complete(line):
                    self.put(json.loads(line))
                self.delivered += len(line)
        except Exception as error:
            if passing(error):
                self.fail(error)
                return
            if isinstance(error, Deleted):
                self.next_attempt = time.monotonic() + PAUSE
            elif isinstance(error, MlflowException):  # and no signal, which says nothing of the item
                self.put_aside()
            raise
        if self.away:
            self.away = False
            what = f"all that was kept of run {self.run_id[:8]} is delivered"
            print(f"MLflow answers again: {what}", file=sys.stderr)

    def first(self) -> bytes:
        """The first line that was not delivered; empty where there is none, and then nothing is kept."""
        with self.filing:
            if not self.file.exists():
                return b""
            if self.delivered > self.file.stat().st_size:  # another process has made a new file
                self.delivered = 0
            with self.file.open("rb") as file:
                file.seek(self.delivered)
                if line := file.readline():
                    return line
            self.delivered = 0
            self.file.unlink()
            return b""

    def put_aside(self) -> None:
        """What is first and will never be delivered, so that it blocks nothing: into a file beside."""
        line = self.first()
        with self.filing:
            with self.file.with_suffix(".refused").open("ab") as file:
                file.write(line)
            rest = self.file.with_suffix(".rest")
            rest.write_bytes(self.file.read_bytes()[self.delivered + len(line) :])
            os.replace(rest, self.file)
            self.delivered = 0

    def put(self, item: Item) -> None:
        """Deliver an item.

        Raises:
            Deleted: when the run was deleted in MLflow.
        """
        self.since = time.monotonic()
        try:
            if self.guard:
                self.guard()
            put(self.client, self.run_id, item)
        except MlflowException as error:
            if not passing(error) and (how := how_deleted(self.client, self.run_id)):
                raise Deleted(how) from error
            raise
        finally:
            self.since = None

    def fail(self, error: Exception) -> None:
        """MLflow has not taken what was next: the next attempt has to wait."""
        self.attempts_failed += 1
        self.next_attempt = time.monotonic() + PAUSE
        if not self.away:
            self.away = True
            reason = masked(" ".join(str(error).split()))[:160]
            print(f"MLflow takes nothing ({reason}): records are kept in {self.file}", file=sys.stderr)

    def tell_kept(self) -> None:
        print(
            f"MLflow at {masked(store.tracking_uri())} has not taken all: what run {self.run_id[:8]} "
            f"recorded is in {self.file}; `python -m vfe_lightning sweep` delivers it later",
            file=sys.stderr,
        )

    def settle(self) -> bool:
        """Whether nothing waits any more, after a last attempt."""
        return self.deliver(at_once=True)


def folder() -> Path:
    return store.project_root() / "mlruns" / "undelivered"


def complete(line: bytes) -> bool:
    """Whether a line was written to its end before the process died."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
