"""One run: train, evaluate with frozen parameters, and leave a record however it ends."""

import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_only
from torch.linalg import LinAlgError  # pyright: ignore

from vfe_lightning import reductions
from vfe_lightning.analysis import results
from vfe_lightning.errors import Interrupted, NotFinite, NotKnown, Pruned, Refused
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.result import Reference, Result, Status
from vfe_lightning.systems import build
from vfe_lightning.tracking.buffered_metrics import BufferedMetrics
from vfe_lightning.tracking.checkpoints import Checkpoints
from vfe_lightning.tracking.conclusion import record_figures, record_results, result_of, start_notes
from vfe_lightning.tracking.endings import explained
from vfe_lightning.tracking.quiet import quiet
from vfe_lightning.tracking.record import Filing, Record
from vfe_lightning.tracking.resume import resumed
from vfe_lightning.tracking.stop import GracefulStop
from vfe_lightning.tracking.store import connect, tracking_uri
from vfe_lightning.trainer import make_trainer

if TYPE_CHECKING:
    from vfe_lightning.experiment import Experiment

STOPPED = (Interrupted, Pruned, KeyboardInterrupt, SystemExit)
ON_ALL_RANKS = (Interrupted, Pruned, NotFinite, LinAlgError)


def carry_out(
    experiment: "Experiment",
    json: Path | None,
    resume: str | None,
    callbacks: Sequence[Callback],
    filing: Filing | None,
) -> Result:
    """See `Experiment.run`."""
    quiet()
    with GracefulStop() as stop:
        run = Run(experiment, json, resume, stop, callbacks, filing)
        try:
            run.train()
            run.evaluate()
            result = run.finish()
        except BaseException as raised:
            error = stop.meant(raised)
            run.fail(error)
            told = explained(error, run.checkpoints.run_id, run.checkpoints.folder, run.trainer.global_step)
            if told is raised:
                raise
            raise told from raised
        if run.record:
            print(results.text(result, run.system.energies), flush=True)
        return result


class Run:
    """What the phases of one run share on one rank; only rank 0 has a record."""

    def __init__(
        self,
        experiment: "Experiment",
        json: Path | None,
        resume: str | None,
        stop: GracefulStop,
        callbacks: Sequence[Callback],
        filing: Filing | None,
    ) -> None:
        self.started = time.monotonic()
        self.experiment, self.json, self.stop = experiment, writable(json), stop
        rank: int = rank_zero_only.rank or 0
        run_id, self.checkpoint = resumed(experiment, resume, check=rank == 0) if resume else (None, None)
        self.system = prepared(experiment)
        self.reference: Reference | None = None
        self.record: Record | None = None
        if rank == 0:
            with suppress(NotKnown):
                self.reference = self.system.reference().per(self.system.size, self.system.energy_unit)
            self.record = Record.reopen(run_id, experiment) if run_id else Record.start(experiment, filing)
        self.checkpoints = Checkpoints(self.record, experiment.trainer.checkpoint_every)
        self.metrics = BufferedMetrics(self.record) if self.record else None
        own = [self.metrics, *callbacks, stop, self.checkpoints]
        self.trainer = make_trainer(
            experiment.trainer, self.system.units, self.record, [c for c in own if c is not None]
        )

    def train(self) -> None:
        if self.record:
            if self.checkpoint is None:
                device = self.trainer.strategy.root_device
                start_notes(self.record, self.system, self.experiment, self.reference, device)
            print(f"{self.experiment.name}: {self.experiment.label()}, run {self.record.run_id}", flush=True)
        self.trainer.fit(self.system, ckpt_path=self.checkpoint, weights_only=True)
        self.stop.raise_if_stopped()

    def evaluate(self) -> None:
        self.trainer.limit_val_batches = self.experiment.trainer.evaluation_batches
        self.trainer.validate(self.system, verbose=False)
        self.stop.raise_if_stopped()

    def finish(self) -> Result:
        result = self.result("FINISHED")
        if self.record:
            record_results(self.record, result, self.system)
            record_figures(self.record, self.system, self.reference)
            result.write(self.json)
            self.record.end("FINISHED")
        return result

    def result(self, status: Status, error: str | None = None) -> Result:
        return result_of(
            self.system,
            self.reference,
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
        """Leave the right status first, since little time may be left, then all that is known."""
        status: Status = "KILLED" if isinstance(error, STOPPED) else "FAILED"
        message = f"{type(error).__name__}: {error}"
        if self.record:
            with suppress(Exception):  # none of this may hide the error itself
                self.record.end(status, message)
                self.result(status, message).write(self.json)
                record_figures(self.record, self.system, self.reference)
                if not isinstance(error, ON_ALL_RANKS):
                    self.record.text(traceback.format_exc(), "traceback.txt")
        elif isinstance(error, ON_ALL_RANKS):
            sys.exit(0)  # Lightning kills rank 0 at once when another rank ends with an error
        elif self.checkpoints.run_id:
            Record(connect(tracking_uri()), self.checkpoints.run_id).end(
                status, f"rank {reductions.rank()}: {message}"
            )


def writable(path: Path | None) -> Path | None:
    """The file for the results, which can be written."""
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("a").close()
        except OSError as error:
            raise Refused(f"--json {path} cannot be written: {error.strerror}") from error
    return path


def prepared(experiment: "Experiment") -> VariationalFreeEnergy:
    """The system on the CPU with its first parameters, ready to be trained."""
    budget = experiment.trainer
    if budget.threads:
        torch.set_num_threads(budget.threads)
    torch.manual_seed(experiment.seed)
    try:
        system = build(experiment.system)
        system.prepare(
            partial(make_optimizer, experiment.optimizer),
            experiment.batch_size,
            experiment.seed,
            budget.accumulate,
        )
        system.check_batch_size(budget.devices * budget.num_nodes)
        system.check_steps(budget.max_steps)
    except ValueError as error:
        raise Refused(str(error)) from error
    return system
