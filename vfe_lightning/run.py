"""The phases of one run: train, evaluate with frozen parameters, and leave a record however it ends."""

import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_only
from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun
from torch.linalg import LinAlgError  # pyright: ignore

from vfe_lightning import reductions
from vfe_lightning.agreement import agreed
from vfe_lightning.averaging import Averaging
from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Interrupted, NotFinite, Pruned, Refused, masked
from vfe_lightning.known import Known
from vfe_lightning.preparation import check_room, prepared, writable
from vfe_lightning.presentation import free_energy_text, text
from vfe_lightning.result import Result, Status
from vfe_lightning.selection import Selection
from vfe_lightning.tracking.buffered_metrics import BufferedMetrics
from vfe_lightning.tracking.checkpoints import Checkpoints
from vfe_lightning.tracking.conclusion import (
    landmarks_of,
    record_remarks,
    record_results,
    result_of,
    start_notes,
    watched,
)
from vfe_lightning.tracking.endings import status_of
from vfe_lightning.tracking.filing import Filing
from vfe_lightning.tracking.items import end_at_once
from vfe_lightning.tracking.opening import Wanted, finished, opened
from vfe_lightning.tracking.pictures import record_figures
from vfe_lightning.tracking.record import Record
from vfe_lightning.tracking.reopening import reopen
from vfe_lightning.tracking.start import start_for
from vfe_lightning.tracking.stop import GracefulStop
from vfe_lightning.tracking.store import local_folder, tracking_uri
from vfe_lightning.trainer import make_trainer

ON_ALL_RANKS = (Interrupted, Pruned, NotFinite, LinAlgError)
COMPARISON = 4  # parameters are compared on so many times fewer samples than the quoted numbers come from


class Run:
    """What the phases of one run share on one rank; only rank 0 has a record."""

    def __init__(self, experiment: DeclaredExperiment, json: Path | None, stop: GracefulStop) -> None:
        self.started = time.monotonic()
        self.experiment, self.json, self.stop = experiment, writable(json), stop
        self.record: Record | None = None

    def open(self, wanted: Wanted) -> Result | None:
        """Claim the run that was asked for; the results of one that is done already."""

        def claim(client: MlflowClient, run: MlflowRun) -> Record:
            with self.stop.hold():
                self.record = self.stop.record = Record.claim(client, run)
            return self.record

        find = partial(opened, self.experiment, wanted, claim)
        self.opened = agreed(self.experiment.trainer, self.stop, find)
        if not (self.opened.done and self.opened.run_id):
            return None
        result = finished(self.opened.run_id)
        if not rank_zero_only.rank:
            result.write(self.json)
            print(f"run {self.opened.run_id} of this key is finished\n{text(result)}", flush=True)
        return result

    def prepare(self, wanted: Wanted, callbacks: Sequence[Callback], filing: Filing | None) -> None:
        """Everything before the first step; a new run is made last."""
        experiment = self.experiment
        self.system = prepared(experiment)
        self.start = start_for(self.system, self.opened, wanted.init_from)
        self.selection, self.known = Selection(self.system), Known()
        if (rank_zero_only.rank or 0) == 0:
            check_room(self.system, local_folder(tracking_uri()))
            self.known = Known.of(self.system)
            with self.stop.hold():
                if self.record:
                    reopen(self.record, experiment, filing.declaring if filing else "")
                else:
                    self.record = self.stop.record = Record.start(experiment, filing, wanted.tags())
        self.checkpoints = Checkpoints(self.record, experiment)
        self.metrics = BufferedMetrics(self.record) if self.record else None
        self.averaging = Averaging(experiment.trainer.average) if experiment.trainer.average else None
        own = [self.averaging, self.metrics, *callbacks, self.stop, self.checkpoints]
        callbacks = [callback for callback in own if callback is not None]
        self.trainer = make_trainer(experiment.trainer, self.system, self.record, callbacks)
        self.stop.watch(self.trainer)

    def abandon(self, error: BaseException) -> None:
        """The run has not begun: one that was to go on stays as it was, unless that was stopped."""
        if self.record:
            with suppress(Exception):
                status = None if isinstance(error, Refused) else status_of(error)
                self.record.abandon(status, masked(f"{type(error).__name__}: {error}"))
            with suppress(Exception):
                self.record.close()

    def train(self) -> None:
        if self.record:
            device = self.trainer.strategy.root_device
            start_notes(self.record, self.system, self.experiment, self.known, device)
            print(f"{self.experiment.name}: {self.experiment.label()}, run {self.record.run_id}", flush=True)
            if self.start:
                self.start.tell(self.record)
        self.trainer.fit(self.system, ckpt_path=self.opened.checkpoint, weights_only=True)
        self.stop.raise_if_stopped()
        if not self.experiment.trainer.max_steps:
            self.checkpoints.save_step(self.trainer)

    def choose(self) -> None:
        """Give the system the best of the parameters at hand, and keep them."""
        trained = self.trainer.global_step > 0
        mean = self.averaging.mean() if self.averaging and trained else None
        batches = max(1, self.experiment.trainer.evaluation_batches // COMPARISON)
        measure = (lambda: self.validate(batches)) if trained else None
        chosen = self.selection.choose(self.system, mean, measure)
        self.checkpoints.keep_quoted(self.trainer, self.system, chosen)

    def evaluate(self) -> None:
        self.validate(self.experiment.trainer.evaluation_batches)
        if not self.system.evaluation["free_energy"].mean.isfinite():
            raise NotFinite("the free energy of the evaluation is not finite")
        self.known = self.known.beside(self.system, self.system.evaluation["free_energy"].error.item())

    def validate(self, batches: int) -> None:
        self.trainer.limit_val_batches = batches * self.experiment.trainer.accumulate
        self.trainer.validate(self.system, verbose=False)
        self.stop.raise_if_stopped()

    def finish(self) -> Result:
        result = self.result("FINISHED")
        if self.record:
            result.write(self.json)
            record_results(self.record, result, self.system)
            record_figures(self.record, self.system, self.known.reference, free_energy_text(result))
            result = replace(result, failures=dict(self.system.failures) or None)  # of figures, too
            result.write(self.json)
            record_remarks(self.record, result, self.system.failures.traces)
            self.stop.raise_if_stopped()  # MLflow may have hidden a signal from a figure that asked it
            self.record.end("FINISHED")
        return result

    def result(self, status: Status, error: str | None = None, landmarks: bool = True) -> Result:
        """What is known so far, with what the watch on the bound says of it."""
        found = self._measured(status, error, landmarks)
        samples = self.experiment.batch_size * self.experiment.trainer.evaluation_batches
        return watched(found, self.system, samples)

    def _measured(self, status: Status, error: str | None, landmarks: bool) -> Result:
        return result_of(
            self.system,
            self.known,
            parameters=self.selection.chosen,
            candidates=self.selection.plain(),
            landmarks=self.system.failures.attempt("landmarks", lambda: landmarks_of(self.system))
            if landmarks
            else None,
            status=status,
            run_id=self.checkpoints.run_id,
            name=self.experiment.name,
            declaration=self.experiment.declared(),
            seconds=time.monotonic() - self.started,
            steps=self.trainer.global_step,
            seconds_per_step=self.metrics.seconds_per_step() if self.metrics else None,
            error=error,
        )

    def fail(self, error: BaseException) -> None:
        """Leave the numbers and the right status first, since little time may be left, then all else."""
        status = status_of(error)
        message = masked(f"{type(error).__name__}: {error}")
        if self.record:
            with suppress(Exception):  # none of this may hide the error itself
                self.result(status, message, landmarks=False).write(self.json)
            with suppress(Exception):
                self.record.end(status, message)
            with suppress(Exception):
                record_figures(self.record, self.system, self.known.reference)
                if not isinstance(error, ON_ALL_RANKS):
                    self.record.text(masked(traceback.format_exc()), "traceback.txt")
            with suppress(Exception):
                self.record.close()
        elif isinstance(error, ON_ALL_RANKS):
            sys.exit(0)  # Lightning kills rank 0 at once when another rank ends with an error
        elif self.checkpoints.run_id:
            with suppress(Exception):
                end_at_once(self.checkpoints.run_id, status, f"rank {reductions.rank()}: {message}")
