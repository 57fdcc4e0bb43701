"""A thread that delivers what a run has to say, so that neither a step nor the end waits for a server."""

import threading
import time

from vfe_lightning.errors import Refused
from vfe_lightning.tracking import outbox, store
from vfe_lightning.tracking.items import Item

SLOW = 3.0  # seconds after which a delivery is doubted: does the server still answer?
BRIEF = 0.5  # seconds that a server has for the answer: the end of a run waits for it
AGAIN = 1.0  # seconds between two such questions
LOOK = 0.02  # seconds between two looks at what waits, at the end of a run


class Courier:
    """Of one outbox, whose items are all kept on disk until they are delivered."""

    def __init__(self, outbox: outbox.Outbox) -> None:
        self.outbox = outbox
        self.news = threading.Event()
        self.error: Exception | None = None
        self.closed = False
        # A daemon: a program ends though a server keeps its thread waiting.
        self.thread = threading.Thread(target=self.work, name="courier", daemon=True)
        self.thread.start()

    def send(self, item: Item) -> None:
        """Keep an item on disk; it is delivered soon.

        Raises:
            OSError: when it cannot be kept.
            Deleted: when the run was deleted in MLflow; the item is kept.
            MlflowException: when MLflow will never take an earlier item, which is left out.
        """
        self.outbox.keep(item)
        self.news.set()
        self.raise_error()

    def settle(self) -> bool:
        """Wait for as long as the server takes things: whether nothing waits any more.

        Raises:
            Deleted, MlflowException: as `send`.
        """
        failed = self.outbox.attempts_failed
        self.outbox.next_attempt = 0.0
        self.news.set()
        asked = 0.0
        while self.outbox.file.exists() and not self.error and self.outbox.attempts_failed == failed:
            began, now = self.outbox.since, time.monotonic()
            if began and now - began > SLOW and now - asked > AGAIN:
                if not answers():
                    break
                asked = time.monotonic()
            time.sleep(LOOK)
        self.raise_error()
        if self.outbox.file.exists():
            return False
        with self.outbox.kept.delivering:  # it may have something to say yet
            return True

    def close(self) -> None:
        """Let the thread end, once it is back."""
        self.closed = True
        self.news.set()

    def raise_error(self) -> None:
        """Once: what an end leaves after an error is worth another attempt."""
        error, self.error = self.error, None
        if error:
            raise error

    def work(self) -> None:
        while not self.closed:
            self.news.wait(outbox.PAUSE)
            self.news.clear()
            try:
                self.outbox.deliver()
            except Exception as error:  # for the thread that measures
                self.error = error


def answers() -> bool:
    """Whether the server answers a question at once, though it may be busy with a large artifact."""
    try:
        store.check_reachable(store.tracking_uri(), patience=BRIEF)
    except Refused:
        return False
    return True
