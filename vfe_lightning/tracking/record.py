"""One run as MLflow keeps it: parameters, tags, metrics, artifacts and how it ended."""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from mlflow import MlflowClient
from mlflow.entities import Param, Run

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Interrupted, Refused, masked
from vfe_lightning.result import Status
from vfe_lightning.tracking import keys, provenance, store
from vfe_lightning.tracking.courier import Courier
from vfe_lightning.tracking.filing import Filing
from vfe_lightning.tracking.items import REMEMBERED, Item, Measured, artifact, batches, ended, passing
from vfe_lightning.tracking.lease import Lease
from vfe_lightning.tracking.outbox import Outbox
from vfe_lightning.tracking.places import DECLARATION, checkpoint_folder
from vfe_lightning.tracking.process import Process
from vfe_lightning.tracking.sessions import ENDED, MARK, begin, claim, session_of, sign_of_life
from vfe_lightning.tracking.sweep import sweep

NO_TAGS: Mapping[str, str] = {}


class Record:
    """A run that this process writes to, as its latest session or on behalf of that.

    Nothing that it does after it was opened waits for a server.
    """

    def __init__(self, client: MlflowClient, run_id: str, session: int | None = None) -> None:
        """Without a session of its own the process is one of the ranks of the latest."""
        self.client, self.run_id = client, run_id
        self.outbox = Outbox(client, run_id)
        run = client.get_run(run_id)
        self.session = session or session_of(run)
        self.lease = Lease(client, run_id, session) if session else None
        self.outbox.guard = self.lease.check if self.lease else None
        a_file = store.database_file(store.tracking_uri())  # which does not hang
        self.post = self.outbox if a_file else Courier(self.outbox)
        self.checkpoints = checkpoint_folder(run.info)
        self.experiment_id = run.info.experiment_id
        self.local = urlsplit(run.info.artifact_uri or "").scheme in ("", "file")
        self.known: dict[str, dict[int, float]] = {name: {} for name in REMEMBERED}
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
        code, diff = provenance.code(experiment)
        facts = provenance.tags() | code | {"seed": str(experiment.seed), MARK: sign_of_life(0)}
        tags = facts | experiment.tags | dict(filing.tags) | dict(tags)
        run = None
        try:
            filed = store.experiment_id(client, uri, filing.experiment, filing.about)
            run = keys.make(client, uri, filed, filing.run_name, tags)
            record = cls(client, run.info.run_id, begin(client, run.info.run_id))
            record._describe(experiment, diff)
        except Exception as error:
            if run is not None:
                with suppress(Exception):  # where nothing can be written, nothing can be taken back
                    client.delete_run(run.info.run_id)
            if not passing(error) or isinstance(error, Refused):
                raise
            raise Refused(f"MLflow cannot record in {uri}: {' '.join(str(error).split())[:300]}") from error
        return record

    @classmethod
    def claim(cls, client: MlflowClient, run: Run) -> Self:
        """A recorded run, which this process now writes to, whatever becomes of it.

        Raises:
            Refused: another process was faster.
        """
        return cls(client, run.info.run_id, claim(client, run))

    def reopen(self, experiment: DeclaredExperiment) -> None:
        """Go on, perhaps with a larger budget.

        Raises:
            Refused: what earlier sessions have recorded does not reach MLflow.
        """
        self._settle()
        for name, values in self.known.items():
            values |= {m.step: m.value for m in self.client.get_metric_history(self.run_id, name)}
        self.client.update_run(self.run_id, status="RUNNING")
        self.tag({**Process.this().tags(), "trainer.max_steps": str(experiment.trainer.max_steps)})
        known = self.client.get_run(self.run_id).data
        for name in {"vfe.error", "vfe.alarms", "vfe.failures"} & known.tags.keys():
            self.client.delete_tag(self.run_id, name)
        if "name" in known.params:
            self.text(json.dumps(experiment.declared(), indent=2), DECLARATION)
        else:  # it was killed while it was made
            self._describe(experiment, provenance.code(experiment)[1])

    def _describe(self, experiment: DeclaredExperiment, diff: str) -> None:
        """Everything that it can be repeated from; the parameters last, which say that it is all there."""
        self.text(json.dumps(experiment.declared(), indent=2), DECLARATION)
        if diff:
            self.text(diff, "uncommitted.diff")
        for path in provenance.untracked(experiment):
            self.file(path.read_bytes(), f"source/{path.name}")
        self._settle()
        params = [Param(name, str(value)) for name, value in experiment.parameters().items()]
        self.client.log_batch(self.run_id, params=params)

    def _settle(self) -> None:
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
            for name in REMEMBERED & values.keys():
                self.known[name][step] = float(values[name])
        for item in batches(steps):
            self._send(item)

    def history(self, name: str) -> dict[int, float]:
        """One of the metrics that are remembered by step: of this process, and of those before it."""
        return self.known[name]

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

    def whereabouts(self) -> str:
        """Where all of this can be looked at."""
        pages = "all runs in the browser: python -m vfe_lightning ui"
        artifacts = self.checkpoints.parent
        return f"tables and figures: {artifacts}\n{pages}" if self.local else pages

    def end(self, status: Status, error: str | None = None) -> None:
        """How the run ended; of several errors the first is kept. Others may go on with it from now on."""
        if self.lease:
            self.lease.release()
        self._send(ended(status, error))
        self.give_back()

    def close(self) -> None:
        """Wait until all is delivered, or tell where it waits for a server that takes nothing.

        Raises:
            Deleted: when the run was deleted in MLflow.
        """
        try:
            settled = self.post.settle()
        except Interrupted:  # all is on disk
            settled = False
        finally:
            if isinstance(self.post, Courier):
                self.post.close()
        if not settled:
            print(
                f"MLflow at {masked(store.tracking_uri())} has not taken all: what run {self.run_id[:8]} "
                f"recorded is in {self.outbox.file}; `python -m vfe_lightning sweep` delivers it later",
                file=sys.stderr,
            )
