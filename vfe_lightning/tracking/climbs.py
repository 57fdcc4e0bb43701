"""Where sequential Monte Carlo of a run has come to, on each rank, for a run that is stopped on its way."""

import time
from pathlib import Path
from typing import Any

import torch

from vfe_lightning import reductions
from vfe_lightning.tracking import durable

EVERY = 20.0  # s between two stops that are written


class KeptClimb:
    """The latest stop of this rank, in a file beside the checkpoints.

    Args:
        identity: of the density and of what is asked of it: stops of another one are none.
    """

    def __init__(self, folder: Path, identity: str, every: float = EVERY) -> None:
        self.path = folder / f"gibbs_state_{reductions.rank()}.ckpt"
        self.identity, self.every = f"{identity} {reductions.world_size()}", every
        self.written = time.monotonic()

    def held(self) -> dict[str, Any] | None:
        try:
            if not self.path.exists() or durable.damage(self.path):
                return None
            kept = torch.load(self.path, map_location="cpu", weights_only=True)
            return kept["stop"] if kept["identity"] == self.identity else None
        except Exception:  # whatever unpickling garbage raises: the climb begins again
            return None

    def keep(self, stop: dict[str, Any]) -> None:
        if time.monotonic() - self.written < self.every:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".part")
        torch.save({"identity": self.identity, "stop": stop}, unfinished)
        durable.publish(unfinished, self.path)
        self.written = time.monotonic()

    def clear(self) -> None:
        if self.path.exists():
            durable.remove(self.path)
