"""A thread that ends a process whose main thread cannot: it waits for another rank, or has lost its parent.

Python runs signal handlers between two instructions of the main thread, and one that waits inside of C++ for
a rank that never comes reaches none. The bytes that signals leave in a pipe arrive all the same.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

PROMPT = 3.0  # seconds in which a handler has to run, where no step is to be finished first
UNWINDING = 60.0  # to leave everything in order; or for a handler to run, where another rank finishes a step
AGAIN = 15.0  # the same after a second signal
MEETING = 600.0  # seconds for all ranks to find each other


class Watchdog:
    """Watches from `start` to `end`.

    Attributes:
        handled: how many signals the main thread has begun to handle.
        looping: whether it finishes a step first.
        parent: the process without which this one has to end; None: there is none.
        last_words: what is still recorded when the process is ended by force, in a few seconds.
        release: called at the first signal, at once, whatever the main thread is doing.
    """

    def __init__(self, parent: int | None, last_words: Callable[[int], None]) -> None:
        self.handled, self.looping, self.parent = 0, False, parent
        self.seen, self.signum, self.since, self.finishing = 0, 0, 0.0, False
        self.last_words = last_words
        self.release: Callable[[], None] = lambda: None
        self.met_by = float("inf")
        self.over = False

    def start(self) -> None:
        """From the main thread, once its handlers are in place."""
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        self.before = signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)
        self.thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self.thread.start()

    def end(self) -> None:
        self.over = True
        signal.set_wakeup_fd(self.before)
        os.write(self.writer, b"\0")
        self.thread.join()
        os.close(self.reader)
        os.close(self.writer)

    def meeting(self, several: bool) -> None:
        """All ranks have to be there in time, or this one ends."""
        self.met_by = time.monotonic() + MEETING if several else float("inf")

    def met(self) -> None:
        self.met_by = float("inf")

    def _watch(self) -> None:
        while not self.over:
            if select.select([self.reader], [], [], 0.5)[0]:
                for byte in os.read(self.reader, 64):
                    if byte in (signal.SIGINT, signal.SIGTERM):
                        self.seen, self.signum, self.since = self.seen + 1, byte, time.monotonic()
                        self.finishing = self.looping
                        self.release()
            now = time.monotonic()
            if self.seen and now > self.since + self._patience():
                self._end_by_force(self.signum, f"{signal.Signals(self.signum).name} while it waited")
            if now > self.met_by:
                self._end_by_force(signal.SIGTERM, f"the other ranks were not there after {MEETING:g} s")
            if self.parent and os.getppid() != self.parent:
                self._end_by_force(signal.SIGTERM, "the process that started this one has ended")

    def _patience(self) -> float:
        """Seconds that the main thread has after the latest signal."""
        if self.seen > 1:
            return AGAIN
        if self.handled:
            return float("inf") if self.finishing else UNWINDING
        return UNWINDING if self.finishing else PROMPT

    def _end_by_force(self, signum: int, why: str) -> None:
        with suppress(OSError, ValueError):
            print(f"error: {why}", file=sys.stderr, flush=True)
        told = threading.Thread(target=self.last_words, args=(signum,), daemon=True)
        told.start()
        told.join(5.0)
        os._exit(128 + signum)
