"""The hold of a session on its run: a mark in the store that a thread renews."""

import threading
import time

from mlflow import MlflowClient
from mlflow.entities import Run

from vfe_lightning.errors import TakenOver
from vfe_lightning.tracking.sessions import ENDED, MARK, period, session_of, sign_of_life
from vfe_lightning.tracking.sweep import SILENT


class Lease:
    """The hold of one session on its run, renewed by a thread, so that no step waits for it."""

    def __init__(self, client: MlflowClient, run_id: str, session: int, begun: bool = False) -> None:
        self.client, self.run_id, self.session = client, run_id, session
        self.period, self.renewals = period(), 0
        self.renewed, self.lost = _awake(), False
        self.begun = begun  # the run goes on: its status is that of this session
        self.busy, self.over = threading.Lock(), threading.Event()
        threading.Thread(target=self._keep_on, name="lease", daemon=True).start()

    def _keep_on(self) -> None:
        while not self.over.wait(self.period):
            with self.busy:
                self._renew()

    def _renew(self) -> None:
        if self.over.is_set() or self.lost:
            return
        try:
            run = self.client.get_run(self.run_id)
            self.lost = session_of(run) != self.session
            if self.lost:
                return
            self.renewals += 1
            self.client.set_tag(self.run_id, MARK, sign_of_life(self.renewals))
            if self.begun and run.data.tags.get(ENDED) == str(self.session) and not self.over.is_set():
                self._rise(run)
            self.renewed = _awake()
        except Exception:  # a store that is away, or a run that was deleted: those who write will be told
            return

    def _rise(self, run: Run) -> None:
        """A sweep has taken the session for dead."""
        self.client.update_run(self.run_id, status="RUNNING")
        self.client.delete_tag(self.run_id, ENDED)
        if run.data.tags.get("vfe.error") == SILENT["error"]:
            self.client.delete_tag(self.run_id, "vfe.error")

    def check(self) -> None:
        """Before anything is delivered, that this session may.

        Raises:
            TakenOver: another one has claimed the run, while this process was stopped or cut off.
        """
        if not self.over.is_set() and _awake() - self.renewed > 2 * self.period:
            if self.busy.acquire(timeout=2):  # not while the thread waits for a server that hangs
                try:
                    self._renew()
                finally:
                    self.busy.release()
        self.raise_if_lost()

    def raise_if_lost(self) -> None:
        """As far as is known, without a question.

        Raises:
            TakenOver: another session has claimed the run.
        """
        if self.lost:
            raise TakenOver(f"run {self.run_id[:8]} was taken over by another process: this one stops")

    def release(self) -> None:
        """Renew no more."""
        if self.over.is_set():
            return
        self.over.set()
        if self.busy.acquire(timeout=2):
            self.busy.release()


def _awake() -> float:
    """Seconds on a clock that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
