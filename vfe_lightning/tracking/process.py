"""Which process writes to a run, and whether it has ended, as far as this machine can know."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

HOST, PID, MACHINE = "vfe.host", "vfe.pid", "vfe.machine"  # tags of a run
TAGS = (HOST, PID, MACHINE)


class Process(NamedTuple):
    """A process as others see it.

    Attributes:
        host: its name, for people: containers share names, and names change.
        pid: its number and when it started, which tells it from a later one of the same number.
        machine: the boot and the PID namespace within which that is one process; empty where unknown.
    """

    host: str
    pid: str
    machine: str

    @classmethod
    def this(cls) -> Self:
        return cls(socket.gethostname(), f"{os.getpid()}:{_started(str(os.getpid()))}", _machine())

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> Self:
        return cls(*(tags.get(name, "") for name in TAGS))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `str`; more words may follow."""
        return cls(*([*text.split(), "-", "-", "-"][:3]))

    def __str__(self) -> str:
        return " ".join(word or "-" for word in self)

    def tags(self) -> dict[str, str]:
        return dict(zip(TAGS, self, strict=True))

    def lives(self) -> bool | None:
        """Whether it has not ended; None for what only other machines can see."""
        own = Process.this()
        known = self.machine == own.machine if self.machine else self.host == own.host  # of older versions
        pid, _, started = self.pid.partition(":")
        return _started(pid) == started if known and own.machine and pid.isdigit() else None

    def is_gone(self) -> bool:
        """Whether it is known to have ended."""
        return self.lives() is False


def _started(pid: str) -> str:
    """When a process started; a dead one that its parent has not asked about runs no more."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "ended" if state in "ZX" else fields[18]
    except (OSError, IndexError, ValueError):
        return "unknown"


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid').strip('pid:[]')}"
    except OSError:
        return ""
