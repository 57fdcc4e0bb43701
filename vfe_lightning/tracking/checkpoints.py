"""Checkpoints of a run: atomic, the two latest kept, plain data that loads with weights_only."""

import os
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Refused
from vfe_lightning.tracking.origin import origin_of
from vfe_lightning.tracking.record import Record

KEPT = 2
QUOTED = "quoted.ckpt"  # holds the `state_dict` whose numbers are in the results


def checkpoints_in(folder: Path) -> list[Path]:
    """All complete checkpoints, the oldest first."""
    return sorted(folder.glob("step_*.ckpt"))


def latest(folder: Path, run_id: str) -> Path:
    """The checkpoint that a run goes on from.

    Raises:
        Refused: when there is none, or when it cannot be read.
    """
    found = checkpoints_in(folder)
    if not found:
        raise Refused(f"run {run_id} has no checkpoint in {folder}: start it again without --resume")
    try:
        torch.load(found[-1], map_location="cpu", weights_only=True)
    except Exception as error:  # whatever unpickling garbage raises
        remedy = f"delete it to go on from {found[-2].name}" if len(found) > 1 else "start the run again"
        raise Refused(f"{found[-1]} cannot be read ({type(error).__name__}): {remedy}") from error
    return found[-1]


class Checkpoints(Checkpoint):
    """Saves every so many steps and at the end of training, on all ranks at once."""

    def __init__(self, record: Record | None, experiment: DeclaredExperiment) -> None:
        """Rank 0 has the record; the others are told by `setup` where it lies."""
        self.record, self.every = record, experiment.trainer.checkpoint_every
        self.origin = origin_of(experiment)
        self.run_id = record.run_id if record else None
        self.folder = record.checkpoints if record else None

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self.run_id, self.folder = trainer.strategy.broadcast((self.run_id, self.folder))

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict) -> None:
        checkpoint["origin"] = self.origin

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        step = trainer.global_step
        if step % self.every == 0 or step == trainer.max_steps or trainer.should_stop:
            self.save_step(trainer)

    def keep_quoted(self, trainer: L.Trainer, system: L.LightningModule, parameters: str) -> None:
        """Keep the parameters that the quoted numbers are of, under the name of what they are."""
        assert self.folder is not None
        if trainer.is_global_zero:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / QUOTED
            unfinished = path.with_suffix(".part")
            state = {name: value.cpu() for name, value in system.state_dict().items()}
            torch.save(
                {
                    "state_dict": state,
                    "parameters": parameters,
                    "step": trainer.global_step,
                    "origin": self.origin,
                },
                unfinished,
            )
            os.replace(unfinished, path)
            if self.record:
                self.record.keep(path)
        trainer.strategy.barrier()

    def save_step(self, trainer: L.Trainer) -> None:
        assert self.folder is not None
        self.save(trainer, self.folder / f"step_{trainer.global_step:08d}.ckpt")

    def save(self, trainer: L.Trainer, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        trainer.save_checkpoint(unfinished)
        if trainer.is_global_zero:
            # In the same folder, so that the rename is atomic; Lightning's own save goes through /tmp.
            os.replace(unfinished, path)
            for old in checkpoints_in(path.parent)[:-KEPT]:
                old.unlink()
            if self.record:
                self.record.keep(path)
        trainer.strategy.barrier()
