"""One run as MLflow keeps it: parameters, tags, metrics, artifacts and how it ended."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from mlflow import MlflowClient
from mlflow.entities import Param, RunInfo

from vfe_lightning.analysis import quoted
from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Interrupted, Refused
from vfe_lightning.result import Status
from vfe_lightning.tracking import provenance, store
from vfe_lightning.tracking.courier import Courier
from vfe_lightning.tracking.items import artifact, ended, passing, put
from vfe_lightning.tracking.outbox import Outbox
from vfe_lightning.tracking.sweep import sweep

Measured = tuple[int, int, Mapping[str, float]]  # step, time in ms, values by name
CURVES = ("free_energy", "free_energy_error", "entropy", "variance")  # of the figure of the convergence
QUOTED = tuple(quoted.PREFIX + name for name in ("free_energy", quoted.EXACT))
REMEMBERED = {*CURVES, "step_seconds", *QUOTED}  # no part of a run asks MLflow for what it has measured
BATCH = 1000  # metrics in one call, the limit of MLflow servers
DECLARATION = "declaration.json"
RESULT = "result.json"


@dataclass(frozen=True)
class Filing:
    """Where a run is filed in MLflow, and what it is called, if not after its experiment."""

    experiment: str
    run_name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    about: str = ""  # the experiment's description, where it has none yet


class Record:
    """A run that this process writes to; nothing that it does after it was opened waits for a server."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client, self.run_id = client, run_id
        info = client.get_run(run_id).info
        self.outbox = Outbox(client, run_id)
        a_file = store.database_file(store.tracking_uri())  # which does not hang
        self.post = self.outbox if a_file else Courier(self.outbox)
        self.checkpoints = checkpoint_folder(info)
        self.experiment_id = info.experiment_id
        self.local = urlsplit(info.artifact_uri or "").scheme in ("", "file")
        self.known: dict[str, dict[int, float]] = {name: {} for name in REMEMBERED}
        self.told = ""

    @classmethod
    def start(cls, experiment: DeclaredExperiment, filing: Filing | None = None) -> Self:
        """A new run with the full declaration and everything it can be repeated from."""
        filing = filing or Filing(experiment.name, experiment.label(), about=provenance.about(experiment))
        uri = store.tracking_uri()
        client = store.connect(uri)
        sweep(client)
        code, diff = provenance.code(experiment)
        facts = provenance.tags() | code | {"seed": str(experiment.seed)}
        tags = facts | experiment.tags | dict(filing.tags)
        params = [Param(name, str(value)) for name, value in experiment.parameters().items()]
        try:
            filed = store.experiment_id(client, uri, filing.experiment, filing.about)
            run = client.create_run(filed, run_name=filing.run_name, tags=tags)
            client.log_batch(run.info.run_id, params=params)
        except Exception as error:
            if not passing(error):
                raise
            raise Refused(f"MLflow cannot record in {uri}: {' '.join(str(error).split())[:300]}") from error
        record = cls(client, run.info.run_id)
        record.text(json.dumps(experiment.declared(), indent=2), DECLARATION)
        if diff:
            record.text(diff, "uncommitted.diff")
        for path in provenance.untracked(experiment):
            record.file(path.read_bytes(), f"source/{path.name}")
        return record

    @classmethod
    def reopen(cls, run_id: str, experiment: DeclaredExperiment) -> Self:
        """A recorded run that goes on, perhaps with a larger budget."""
        record = cls(store.connect(store.tracking_uri()), run_id)
        if not record.outbox.deliver(at_once=True):
            raise Refused(f"what is kept in {record.outbox.file} cannot be delivered to MLflow")
        for name, known in record.known.items():
            known |= {m.step: m.value for m in record.client.get_metric_history(run_id, name)}
        record.client.update_run(run_id, status="RUNNING")
        record.tag({**provenance.process_tags(), "trainer.max_steps": str(experiment.trainer.max_steps)})
        tags = record.client.get_run(run_id).data.tags
        for name in {"vfe.error", "vfe.alarms", "vfe.failures"} & tags.keys():
            record.client.delete_tag(run_id, name)
        record.text(json.dumps(experiment.declared(), indent=2), DECLARATION)
        return record

    def tag(self, tags: Mapping[str, str]) -> None:
        self.post.send({"tags": dict(tags)})

    def note(self, text: str) -> None:
        """Shown as the run's description."""
        self.told = text
        self.tag({store.NOTE: text[: store.LONGEST]})

    def metrics(self, steps: Sequence[Measured]) -> None:
        """Metrics of many steps; those of one step are written together or not at all."""
        batch: list[tuple[str, float, int, int]] = []
        for step, when, values in steps:
            for name in REMEMBERED & values.keys():
                self.known[name][step] = float(values[name])
            if len(batch) + len(values) > BATCH:
                self.post.send({"metrics": batch})
                batch = []
            batch += [(name, float(value), when, step) for name, value in values.items()]
        if batch:
            self.post.send({"metrics": batch})

    def history(self, name: str) -> dict[int, float]:
        """One of the metrics that are remembered by step: of this process, and of those before it."""
        return self.known[name]

    def text(self, text: str, name: str) -> None:
        self.post.send(artifact(name, text.encode()))

    def file(self, content: bytes, name: str) -> None:
        self.post.send(artifact(name, content))

    def keep(self, path: Path) -> None:
        """Make an artifact of a checkpoint that does not lie among them already."""
        if not self.local:
            self.post.send({"checkpoint": str(path)})

    def whereabouts(self) -> str:
        """Where all of this can be looked at."""
        pages = "all runs in the browser: python -m vfe_lightning ui"
        artifacts = self.checkpoints.parent
        return f"tables and figures: {artifacts}\n{pages}" if self.local else pages

    def end(self, status: Status, error: str | None = None) -> None:
        """How the run ended; of several errors the first is kept."""
        self.post.send(ended(status, error))

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
                f"MLflow at {store.tracking_uri()} has not taken all: what run {self.run_id[:8]} recorded "
                f"is in {self.outbox.file}; `python -m vfe_lightning sweep` delivers it later",
                file=sys.stderr,
            )


def end_at_once(run_id: str, status: Status, error: str) -> None:
    """How a run ended, by a process whose outbox it is not."""
    put(store.connect(store.tracking_uri()), run_id, ended(status, error))


def checkpoint_folder(info: RunInfo) -> Path:
    """Among the artifacts of the run, where they lie on this machine; else under mlruns/."""
    parts = urlsplit(info.artifact_uri or "")
    if parts.scheme in ("", "file"):
        return Path(unquote(parts.path)) / "checkpoints"
    return store.project_root() / "mlruns" / "checkpoints" / info.run_id
