"""One run as MLflow keeps it: parameters, tags, metrics, artifacts and how it ended."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from mlflow import MlflowClient
from mlflow.entities import Param, Run

from vfe_lightning.analysis.quoted import before_curves
from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Interrupted, Refused
from vfe_lightning.result import Status
from vfe_lightning.tracking import keys, provenance, store
from vfe_lightning.tracking.courier import Courier
from vfe_lightning.tracking.filing import Filing
from vfe_lightning.tracking.items import CURVES, QUOTED, Item, Measured, artifact, batches, ended, refusing
from vfe_lightning.tracking.lease import Lease
from vfe_lightning.tracking.outbox import Outbox
from vfe_lightning.tracking.places import DECLARATION, checkpoint_folder
from vfe_lightning.tracking.sessions import ENDED, MARK, begin, claim, session_of, sign_of_life
from vfe_lightning.tracking.sweep import sweep

NO_TAGS: Mapping[str, str] = {}


class Record:
    """A run that this process writes to, as its latest session or on behalf of that.

    Nothing that it does after it was opened waits for a server.
    """

    def __init__(
        self, client: MlflowClient, run_id: str, session: int | None = None, begun: bool = False
    ) -> None:
        """Without a session of its own the process is one of the ranks of the latest."""
        self.client, self.run_id = client, run_id
        self.outbox = Outbox(client, run_id)
        run = client.get_run(run_id)
        self.session = self.outbox.session = session or session_of(run)
        self.lease = Lease(client, run_id, session, begun) if session else None
        self.outbox.guard = self.lease.check if self.lease else None
        a_file = store.database_file(store.tracking_uri())  # which does not hang
        self.post = self.outbox if a_file else Courier(self.outbox)
        self.info = run.info
        self.checkpoints = checkpoint_folder(run.info)
        self.experiment_id = run.info.experiment_id
        self.local = urlsplit(run.info.artifact_uri or "").scheme in ("", "file")
        self.training = before_curves(run.data.metrics)  # a run of an earlier version goes on under its names
        remembered = (*(self.training + name for name in CURVES), *QUOTED)  # nobody asks MLflow for them
        self.known: dict[str, dict[int, float]] = {name: {} for name in remembered}
        self.told = ""

    @classmethod
    def start(
        cls, experiment: DeclaredExperiment, filing: Filing | None = None, tags: Mapping[str, str] = NO_TAGS
    ) -> Self:
        """A new run with the full declaration and everything it can be repeated from.

        Raises:
            Refused: MLflow does not take it, or there is a run of the key that `tags` have.
        """
        filing = filing or Filing(experiment.name, experiment.label(), about=provenance.about(experiment))
        uri = store.tracking_uri()
        client = store.connect(uri)
        sweep(client)
        code, diff = provenance.code(experiment, filing.declaring)
        facts = (
            provenance.tags(filing.declaring) | code | {"seed": str(experiment.seed), MARK: sign_of_life(0)}
        )
        tags = facts | experiment.tags | dict(filing.tags) | dict(tags)
        with refusing(f"MLflow cannot record in {uri}"):
            filed = store.experiment_id(client, uri, filing.experiment, filing.about)
            run_id = keys.make(client, uri, filed, filing.run_name, tags).info.run_id
            record = None
            try:
                record = cls(client, run_id, begin(client, run_id), begun=True)
                record.describe(experiment, diff, filing.declaring)
                return record
            except Exception:
                if record:
                    record.leave()
                with suppress(Exception):  # where nothing can be written, nothing can be taken back
                    client.delete_run(run_id)
                raise

    @classmethod
    def claim(cls, client: MlflowClient, run: Run) -> Self:
        """A recorded run, which this process now writes to, whatever becomes of it.

        Raises:
            Refused: another process was faster.
        """
        return cls(client, run.info.run_id, claim(client, run))

    def describe(self, experiment: DeclaredExperiment, diff: str, declaring: str = "") -> None:
        """Everything that it can be repeated from; the parameters last, which say that it is all there."""
        self.text(json.dumps(experiment.declared(), indent=2), DECLARATION)
        for name, content in provenance.files(experiment, diff, declaring).items():
            self.file(content, name)
        self.settle()
        params = [Param(name, str(value)) for name, value in experiment.parameters().items()]
        self.client.log_batch(self.run_id, params=params)

    def settle(self) -> None:
        if not self.post.settle():
            raise Refused(f"what is kept in {self.outbox.file} cannot be delivered to MLflow")

    def _send(self, item: Item) -> None:
        if self.lease:
            self.lease.raise_if_lost()
        self.post.send(item)

    def tag(self, tags: Mapping[str, str]) -> None:
        self._send({"tags": dict(tags)})

    def note(self, text: str) -> None:
        """Shown as the run's description."""
        self.told = text
        self.tag({store.NOTE: text[: store.LONGEST]})

    def metrics(self, steps: Sequence[Measured]) -> None:
        """Metrics of many steps; those of one step are written together or not at all."""
        for step, _, values in steps:
            for name in self.known.keys() & values.keys():
                self.known[name][step] = float(values[name])
        for item in batches(steps):
            self._send(item)

    def curves(self, steps: Sequence[Measured]) -> None:
        """What steps of the training have measured, under names that tell it from what is quoted."""
        self.metrics([(s, t, {self.training + name: v for name, v in vs.items()}) for s, t, vs in steps])

    def history(self, name: str) -> dict[int, float]:
        """One of the metrics that are remembered by step: of this process, and of those before it."""
        return self.known[name]

    def curve(self, name: str) -> dict[int, float]:
        return self.history(self.training + name)

    def text(self, text: str, name: str) -> None:
        self._send(artifact(name, text.encode()))

    def file(self, content: bytes, name: str) -> None:
        self._send(artifact(name, content))

    def keep(self, path: Path) -> None:
        """Make an artifact of a checkpoint that does not lie among them already."""
        if not self.local:
            self._send({"checkpoint": str(path)})

    def give_back(self) -> None:
        """Others may go on with the run, whose status is left as it is."""
        if self.lease:
            self.lease.release()
        self._send({"tags": {ENDED: str(self.session)}})

    def end(self, status: Status, error: str | None = None) -> None:
        """How the run ended; of several errors the first is kept. Others may go on with it from now on."""
        if self.lease:
            self.lease.release()
        try:
            self._send(ended(status, error))
        finally:
            self.give_back()

    def close(self) -> None:
        """Wait until all is delivered, or tell where it waits for a server that takes nothing.

        Raises:
            Deleted: when the run was deleted in MLflow.
        """
        interrupted = None
        try:
            settled = self.post.settle()
        except Interrupted as signal:  # all is on disk
            settled, interrupted = False, signal
        finally:
            self.leave()
        if not settled:
            self.outbox.tell_kept()
        if interrupted:
            raise interrupted

    def abandon(self, status: Status | None, error: str) -> None:
        """The run has not gone on: one that was there before stays as it was, unless that was stopped."""
        if status == "KILLED" or (status and self.lease and self.lease.begun):
            self.end(status, error)
        else:
            self.give_back()

    def leave(self) -> None:
        """End the threads of the record."""
        if self.lease:
            self.lease.release()
        if isinstance(self.post, Courier):
            self.post.close()
