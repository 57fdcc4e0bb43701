"""One run as MLflow keeps it: parameters, tags, metrics, artifacts and how it ended."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunInfo, RunTag

from vfe_lightning.result import Status
from vfe_lightning.tracking import provenance, store

if TYPE_CHECKING:
    from vfe_lightning.experiment import Experiment

BATCH = 1000  # metrics in one call, the limit of MLflow servers
DECLARATION = "declaration.json"


@dataclass(frozen=True)
class Filing:
    """Where a run is filed in MLflow, and what it is called, if not after its experiment."""

    experiment: str
    run_name: str
    tags: Mapping[str, str] = field(default_factory=dict)


class Record:
    """A run that this process writes to."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client, self.run_id = client, run_id

    @classmethod
    def start(cls, experiment: "Experiment", filing: Filing | None = None) -> Self:
        """A new run with the full declaration and everything it can be repeated from."""
        filing = filing or Filing(experiment.name, experiment.label())
        uri = store.tracking_uri()
        client = store.connect(uri)
        sweep(client)
        diff = provenance.uncommitted()
        facts = {"git.dirty": str(bool(diff)).lower(), "seed": str(experiment.seed)}
        run = client.create_run(
            store.experiment_id(client, uri, filing.experiment),
            run_name=filing.run_name,
            tags=provenance.tags() | facts | experiment.tags | dict(filing.tags),
        )
        record = cls(client, run.info.run_id)
        params = [Param(name, str(value)) for name, value in experiment.parameters().items()]
        client.log_batch(record.run_id, params=params)
        record.text(json.dumps(experiment.declared(), indent=2), DECLARATION)
        if diff:
            record.text(diff, "uncommitted.diff")
        return record

    @classmethod
    def reopen(cls, run_id: str, experiment: "Experiment") -> Self:
        """A recorded run that goes on, perhaps with a larger budget."""
        record = cls(store.connect(store.tracking_uri()), run_id)
        record.client.update_run(run_id, status="RUNNING")
        record.tag({**provenance.process_tags(), "trainer.max_steps": str(experiment.trainer.max_steps)})
        if "vfe.error" in record.client.get_run(run_id).data.tags:
            record.client.delete_tag(run_id, "vfe.error")
        record.text(json.dumps(experiment.declared(), indent=2), DECLARATION)
        return record

    def tag(self, tags: Mapping[str, str]) -> None:
        self.client.log_batch(self.run_id, tags=[RunTag(name, value) for name, value in tags.items()])

    def note(self, text: str) -> None:
        """Shown as the run's description."""
        self.tag({"mlflow.note.content": text})

    def metrics(self, steps: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Metrics of many steps; those of one step are written together or not at all."""
        now, batch = int(time.time() * 1000), []
        for step, values in steps:
            if len(batch) + len(values) > BATCH:
                self.client.log_batch(self.run_id, metrics=batch)
                batch = []
            batch += [Metric(name, float(value), now, step) for name, value in values.items()]
        if batch:
            self.client.log_batch(self.run_id, metrics=batch)

    def history(self, name: str) -> dict[int, float]:
        """A recorded metric by step."""
        return {m.step: m.value for m in self.client.get_metric_history(self.run_id, name)}

    def text(self, text: str, name: str) -> None:
        self.client.log_text(self.run_id, text, name)

    def figures(self, figures: Mapping[str, Figure]) -> None:
        for name, figure in figures.items():
            self.client.log_figure(self.run_id, figure, f"figures/{name}.png")

    @property
    def checkpoints(self) -> Path:
        return checkpoint_folder(self.client.get_run(self.run_id).info)

    def keep(self, path: Path) -> None:
        """Make an artifact of a checkpoint that does not lie among them already."""
        info = self.client.get_run(self.run_id).info
        if urlsplit(info.artifact_uri or "").scheme not in ("", "file"):
            self.client.log_artifact(self.run_id, str(path), "checkpoints")

    def end(self, status: Status, error: str | None = None) -> None:
        """How the run ended; of several errors the first is kept."""
        known = self.client.get_run(self.run_id).data.tags
        if error and "vfe.error" not in known:
            self.tag({"vfe.error": error[:500]})
        self.client.set_terminated(self.run_id, status)


def checkpoint_folder(info: RunInfo) -> Path:
    """Among the artifacts of the run, where they lie on this machine; else under mlruns/."""
    parts = urlsplit(info.artifact_uri or "")
    if parts.scheme in ("", "file"):
        return Path(unquote(parts.path)) / "checkpoints"
    return store.project_root() / "mlruns" / "checkpoints" / info.run_id


def sweep(client: MlflowClient) -> None:
    """Mark runs as KILLED whose process on this machine died without a word."""
    experiments = [e.experiment_id for e in client.search_experiments()]
    for run in client.search_runs(experiments, "attributes.status = 'RUNNING'") if experiments else []:
        if provenance.is_gone(run.data.tags):
            client.set_tag(
                run.info.run_id, "vfe.error", "the process ended without a word (kill -9, memory, power)"
            )
            client.set_terminated(run.info.run_id, "KILLED")
