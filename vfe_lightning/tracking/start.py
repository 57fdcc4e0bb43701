"""Parameters of another run as a start: what is taken, and what is not."""

from dataclasses import dataclass
from pathlib import Path

import torch

from vfe_lightning.errors import Refused
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.tracking import store
from vfe_lightning.tracking.record import Record
from vfe_lightning.tracking.stored import stored

TAG = "vfe.init_from"


@dataclass(frozen=True)
class Start:
    """What a system has taken from a run.

    Attributes:
        run_id: of that run, or the file.
        taken, left: names of parameters of the system that were found there, and that were not.
    """

    run_id: str
    taken: tuple[str, ...]
    left: tuple[str, ...]

    def in_words(self) -> str:
        kept = f"; as first declared: {', '.join(self.left)}" if self.left else ""
        source = self.run_id if Path(self.run_id).suffix else f"run {self.run_id[:8]}"
        return f"started from {source}: {len(self.taken)} parameters{kept}"

    def tell(self, record: Record) -> None:
        """On the terminal and in the record."""
        record.tag({TAG: self.run_id})
        record.note(f"{record.told}\n\n{self.in_words()}")
        print(self.in_words(), flush=True)


def start_for(
    system: VariationalFreeEnergy, run_id: str | None, init_from: str | None, trained: bool
) -> Start | None:
    """What a run starts from: what it had started from before it was stopped, or what it is told now.

    Args:
        run_id: of the run, where there is one already.
        trained: what it has learned since is in a checkpoint.

    Raises:
        Refused: there is nothing to take.
    """
    source = init_from
    if run_id:
        tags = store.connect(store.tracking_uri()).get_run(run_id).data.tags
        source = tags.get(TAG, init_from)
    try:
        return started_from(system, source) if source else None
    except Refused:
        if trained:
            return None
        raise


@torch.no_grad()
def started_from(system: VariationalFreeEnergy, run: str) -> Start:
    """Give a system the parameters of a run, wherever names and shapes agree.

    Raises:
        Refused: there is no such run, or nothing of it fits.
    """
    held = stored(run)
    taken, left = [], []
    for name, own in system.named_parameters():
        other = held.parameters.get(name)
        if other is not None and other.shape == own.shape:
            own.copy_(other)
            taken.append(name)
        else:
            left.append(name)
    if not taken:
        raise Refused(
            f"--init_from {run}: no parameter of {held.origin['system'].rpartition(':')[2]} has a name and a "
            f"shape of these: {', '.join(left[:4])}, ..."
        )
    return Start(held.run_id or run, tuple(taken), tuple(left))
