"""What a run has to say to MLflow, in order and without loss, whether or not MLflow takes it.

What cannot be delivered is kept on disk, under mlruns/undelivered, and tried again: while the run
goes on, when it is resumed, and by `python -m vfe_lightning sweep`, in one process at a time.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from vfe_lightning.errors import Deleted, masked
from vfe_lightning.tracking import store
from vfe_lightning.tracking.deleted import how_deleted
from vfe_lightning.tracking.items import Item, passing, put
from vfe_lightning.tracking.kept import WAIT, Elsewhere, Kept, complete
from vfe_lightning.tracking.sessions import BEGUN

PAUSE = 20.0  # seconds between two attempts while MLflow takes nothing


class Outbox:
    """Of one run: one process writes to it at a time, from any of its threads; others may deliver.

    Attributes:
        file: what waits, an item a line; there is none while nothing waits.
        session: that of the process, if it has one: all that it keeps says so.
        elsewhere: another process was delivering at the last attempt.
        attempts_failed: how often MLflow did not take what was next.
        guard: called before each delivery; raises where another process writes to the run by now.
        since: when the delivery of the item began that is on its way, by the monotonic clock.
    """

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client, self.run_id = client, run_id
        self.session: int | None = None
        self.elsewhere = False
        self.file = folder() / f"{run_id}.jsonl"
        self.kept = Kept(self.file)
        self.away = self.file.exists()
        self.attempts_failed, self.next_attempt = 0, 0.0
        self.since: float | None = None
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
        self.kept.append(item if self.session is None else {**item, "session": self.session})

    def deliver(self, at_once: bool = False) -> bool:
        """Try to deliver all that is kept, if it is time to: whether nothing is kept any more.

        Raises:
            Deleted: when the run was deleted in MLflow; all is kept.
            MlflowException: when MLflow will never take an item, which is put aside: the next call goes on.
        """
        if self.file.exists() and (at_once or time.monotonic() >= self.next_attempt):
            try:
                with self.kept.delivery(WAIT if at_once else 0.0):
                    self.elsewhere = False
                    self.deliver_lines()
            except Elsewhere:
                self.elsewhere = True
                self.wait_longer()
        return not self.file.exists()

    def deliver_lines(self) -> None:
        line = b""
        try:
            if self.away:
                store.check_reachable(store.tracking_uri())
            while line := self.kept.first():
                if complete(line):
                    self.put(json.loads(line))
                self.kept.delivered += len(line)
        except Exception as error:
            if passing(error):
                self.fail(error)
                return
            if isinstance(error, Deleted):
                self.next_attempt = time.monotonic() + PAUSE
            elif isinstance(error, MlflowException):  # and no signal, which says nothing of the item
                self.kept.put_aside(json.loads(line), ".refused")
                self.kept.delivered += len(line)
            raise
        if self.away:
            self.away = False
            what = f"all that was kept of run {self.run_id[:8]} is delivered"
            print(f"MLflow answers again: {what}", file=sys.stderr)

    def is_late(self, item: Item) -> bool:
        """Whether a later session has begun since an item was kept: it has measured the same again.

        Such a session has delivered all that it found; another machine has found this too late.
        """
        session = item.get("session")
        if session is None or session == self.session:
            return False
        begun = self.client.get_run(self.run_id).data.tags.get(BEGUN, "")
        return begun.isdigit() and int(begun) > session

    def put(self, item: Item) -> None:
        """Deliver an item.

        Raises:
            Deleted: when the run was deleted in MLflow.
        """
        self.since = time.monotonic()
        try:
            if self.guard:
                self.guard()
            if self.is_late(item):
                self.kept.put_aside(item, ".late")
            else:
                put(self.client, self.run_id, item)
        except MlflowException as error:
            if not passing(error) and (how := how_deleted(self.client, self.run_id)):
                raise Deleted(how) from error
            raise
        finally:
            self.since = None

    def fail(self, error: Exception) -> None:
        """MLflow has not taken what was next: the next attempt has to wait."""
        self.wait_longer()
        if not self.away:
            self.away = True
            reason = masked(" ".join(str(error).split()))[:160]
            print(f"MLflow takes nothing ({reason}): records are kept in {self.file}", file=sys.stderr)

    def wait_longer(self) -> None:
        self.attempts_failed += 1
        self.next_attempt = time.monotonic() + PAUSE

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
