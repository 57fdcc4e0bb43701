"""Checkpoints of a run: atomic, the two latest kept, plain data that loads with weights_only."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint
from torch import Tensor

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Refused
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.tracking import durable
from vfe_lightning.tracking.climbs import KeptClimb
from vfe_lightning.tracking.origin import origin_of
from vfe_lightning.tracking.record import Record
from vfe_lightning.tracking.told import tell_once

KEPT = 2
QUOTED = "quoted.ckpt"  # holds the `state_dict` whose numbers are in the results


class Found(NamedTuple):
    """A checkpoint that is what was written, with what it holds: read once."""

    path: Path
    held: dict[str, Any]


def checkpoints_in(folder: Path) -> list[Path]:
    """All complete checkpoints, the oldest first."""
    return sorted(folder.glob("step_*.ckpt"))


def contents(path: Path, *counts: str) -> dict[str, Any]:
    """What a checkpoint holds: a `state_dict`, and whole numbers of these names.

    Raises:
        Refused: it is not what was written, or none of ours; the message says why, without the path.
    """
    try:
        if damaged := durable.damage(path):
            raise Refused(damaged)
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Refused:
        raise
    except Exception as error:  # whatever unpickling garbage raises
        raise Refused(f"it cannot be read ({type(error).__name__})") from error
    for name, kind in {"state_dict": dict, **dict.fromkeys(counts, int)}.items():
        if not isinstance(held, dict) or not isinstance(held.get(name), kind):
            raise Refused(f"it has no {name}")
    return held


def layout_of(state: Mapping[str, Tensor]) -> str:
    """The names and shapes of parameters, in few letters, which ranks can tell each other."""
    shapes = sorted((name, tuple(value.shape)) for name, value in state.items())
    return hashlib.sha256(repr(shapes).encode()).hexdigest()


def sound(folder: Path) -> tuple[Found | None, dict[str, str]]:
    """The latest checkpoint that is what was written; what is wrong with those after it, by their names."""
    wrong: dict[str, str] = {}
    for path in reversed(checkpoints_in(folder)):
        try:
            return Found(path, contents(path, "global_step")), wrong
        except Refused as reason:
            wrong[path.name] = str(reason)
    return None, wrong


def latest(folder: Path, run_id: str) -> Found:
    """The checkpoint that a run goes on from; those that are damaged are skipped with a word.

    Raises:
        Refused: when there is none that can be read.
    """
    found, wrong = sound(folder)
    told = "; ".join(f"{name}: {reason}" for name, reason in wrong.items())
    if found is None:
        none = f"run {run_id} has no checkpoint in {folder}"
        raise Refused(
            f"{none}{f' that can be read ({told})' if told else ''}: start it again without --resume"
        )
    if wrong:
        tell_once(f"run {run_id[:8]} goes on from {found.path.name}, the latest sound checkpoint ({told})")
    return found


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

    def keep_quoted(self, trainer: L.Trainer, system: VariationalFreeEnergy, parameters: str) -> None:
        """Keep the parameters that the quoted numbers are of, under the name of what they are.

        An evaluation that goes on to their Gibbs state may be stopped from here on.
        """
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
            durable.publish(unfinished, path)
            if self.record:
                self.record.keep(path)
        trainer.strategy.barrier()
        if system.finishing:
            # other machines may have no such folder
            written = durable.checksum_of(self.folder / QUOTED).read_text() if trainer.is_global_zero else ""
            quoted = trainer.strategy.broadcast(written).strip()
            system.keeper = KeptClimb(self.folder, f"{quoted} {system.seed} {system.finishing!r}")

    def save_step(self, trainer: L.Trainer) -> None:
        assert self.folder is not None
        self.save(trainer, self.folder / f"step_{trainer.global_step:08d}.ckpt")

    def save(self, trainer: L.Trainer, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        trainer.save_checkpoint(unfinished)
        if trainer.is_global_zero:
            # In the same folder, so that the rename is atomic; Lightning's own save goes through /tmp.
            durable.publish(unfinished, path)
            # A later one is damaged, or this would not have been written: it does not count.
            earlier = [old for old in checkpoints_in(path.parent) if old.name <= path.name]
            for old in earlier[:-KEPT]:
                durable.remove(old)
            if self.record:
                self.record.keep(path)
        trainer.strategy.barrier()
