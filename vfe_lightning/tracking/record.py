"""One run as MLflow keeps it: parameters, tags, metrics, artifacts and how it ended."""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunInfo

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Refused, masked
from vfe_lightning.result import Status
from vfe_lightning.tracking import keys, provenance, store
from vfe_lightning.tracking.filing import Filing
from vfe_lightning.tracking.lease import Lease
from vfe_lightning.tracking.outbox import Item, Outbox, artifact, passing
from vfe_lightning.tracking.process import Process
from vfe_lightning.tracking.sessions import ENDED, MARK, begin, claim, session_of, sign_of_life
from vfe_lightning.tracking.sweep import sweep

Measured = tuple[int, int, Mapping[str, float]]  # step, time in ms, values by name
CURVES = {"free_energy", "free_energy_error", "entropy", "variance"}  # of the figure of the convergence
BATCH = 1000  # metrics in one call, the limit of MLflow servers
DECLARATION = "declaration.json"
RESULT = "result.json"


class Record:
    """A run that this process writes to, as its latest session or on behalf of that."""

    def __init__(self, client: MlflowClient, run_id: str, session: int | None = None) -> None:
        """Without a session of its own the process is one of the ranks of the latest."""
        self.client, self.run_id = client, run_id
        self.outbox = Outbox(client, run_id)
        run = client.get_run(run_id)
        info = run.info
        self.session = session or session_of(run)
        self.lease = Lease(client, run_id, session) if session else None
        self.checkpoints = checkpoint_folder(info)
        self.local = urlsplit(info.artifact_uri or "").scheme in ("", "file")
        self.curves: dict[str, dict[int, float]] = {name: {} for name in CURVES}
        self.told = ""

    @classmethod
    def start(
        cls,
        experiment: DeclaredExperiment,
        filing: Filing | None = None,
        tags: Mapping[str, str] | None = None,
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
        tags = facts | experiment.tags | dict(filing.tags) | dict(tags or {})
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
            reason = " ".join(str(error).split())[:300]
            raise Refused(f"MLflow cannot record in {uri}: {reason}") from error
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
        if not self.outbox.deliver(at_once=True):
            raise Refused(f"what is kept in {self.outbox.file} cannot be delivered to MLflow")
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
        params = [Param(name, str(value)) for name, value in experiment.parameters().items()]
        self.client.log_batch(self.run_id, params=params)

    def _send(self, item: Item) -> None:
        if self.lease:
            self.lease.check()
        self.outbox.send(item)

    def tag(self, tags: Mapping[str, str]) -> None:
        self._send({"tags": dict(tags)})

    def note(self, text: str) -> None:
        """Shown as the run's description."""
        self.told = text
        self.tag({store.NOTE: text[: store.LONGEST]})

    def metrics(self, steps: Sequence[Measured]) -> None:
        """Metrics of many steps; those of one step are written together or not at all."""
        batch: list[tuple[str, float, int, int]] = []
        for step, when, values in steps:
            for name in CURVES & values.keys():
                self.curves[name][step] = float(values[name])
            if len(batch) + len(values) > BATCH:
                self._send({"metrics": batch})
                batch = []
            batch += [(name, float(value), when, step) for name, value in values.items()]
        if batch:
            self._send({"metrics": batch})

    def history(self, name: str) -> dict[int, float]:
        """A recorded metric by step; what this process measured where MLflow does not answer."""
        try:
            known = {m.step: m.value for m in self.client.get_metric_history(self.run_id, name)}
        except Exception as error:
            if not passing(error):
                raise
            known = {}
        return known | self.curves.get(name, {})

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
        self._send({"status": status, "error": error and error[:500]})
        self.give_back()
        if not self.outbox.deliver(at_once=True):
            print(
                f"MLflow at {masked(store.tracking_uri())} still takes nothing: what run {self.run_id[:8]} "
                f"recorded is in {self.outbox.file}; `python -m vfe_lightning sweep` delivers it later",
                file=sys.stderr,
            )


def checkpoint_folder(info: RunInfo) -> Path:
    """Among the artifacts of the run, where they lie on this machine; else under mlruns/."""
    parts = urlsplit(info.artifact_uri or "")
    if parts.scheme in ("", "file"):
        return Path(unquote(parts.path)) / "checkpoints"
    return store.project_root() / "mlruns" / "checkpoints" / info.run_id
