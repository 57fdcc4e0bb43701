"""The file of what waits to be delivered, which several threads and processes change, one at a time."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from vfe_lightning.tracking.items import Item

WAIT = 10.0  # seconds for another process that changes the file, or delivers what is in it


class Elsewhere(Exception):
    """Another process is delivering what is kept."""


class Kept:
    """An item a line; there is no file while nothing waits.

    Attributes:
        delivered: bytes of the file, which are cut off before another process may deliver.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.delivered = path, 0
        self.filing, self.delivering = threading.Lock(), threading.Lock()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """No other thread, and no other process, changes the file meanwhile."""
        with self.filing, FileLock(self.path.with_suffix(".lock"), timeout=WAIT):
            yield

    @contextmanager
    def delivery(self, patience: float) -> Iterator[None]:
        """No other thread, and no other process, delivers meanwhile.

        Raises:
            Elsewhere: another process does, and has not ended after so many seconds.
        """
        lock = FileLock(self.path.with_suffix(".delivery"))
        with self.delivering:
            try:
                lock.acquire(timeout=patience)
            except Timeout as error:
                raise Elsewhere from error
            self.delivered = 0
            try:
                yield
            finally:
                self.cut()
                lock.release()

    def append(self, item: Item) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.changing(), self.path.open("a+b") as file:
            if file.tell() and (file.seek(-1, os.SEEK_END), file.read())[1] != b"\n":
                file.write(b"\n")  # a process died, or the disk was full, in the middle of a line
            file.write(json.dumps(item).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def first(self) -> bytes:
        """The first line that was not delivered; empty where there is none, and then nothing is kept."""
        with self.changing():
            if self.path.exists():
                with self.path.open("rb") as file:
                    file.seek(self.delivered)
                    if line := file.readline():
                        return line
                self.path.unlink()
            self.delivered = 0
            for lock in (".delivery", ".lock"):  # held by this process: a later file has others
                self.path.with_suffix(lock).unlink(missing_ok=True)
            return b""

    def cut(self) -> None:
        """Off the file what is delivered; it is delivered again where the disk has no room for the rest."""
        if self.delivered:
            with suppress(OSError), self.changing():
                rest = self.path.with_suffix(".rest")
                with rest.open("wb") as file:
                    file.write(self.path.read_bytes()[self.delivered :])
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(rest, self.path)
        self.delivered = 0

    def put_aside(self, item: Item, where: str) -> None:
        """What will never be delivered, so that it blocks nothing: into a file beside."""
        with self.path.with_suffix(where).open("ab") as file:
            file.write(json.dumps(item).encode() + b"\n")


def complete(line: bytes) -> bool:
    """Whether a line was written to its end before the process died."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
