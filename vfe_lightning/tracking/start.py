"""Parameters of another run as a start: what is taken, and what is not."""

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import torch

from vfe_lightning.errors import Refused
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.tracking import store
from vfe_lightning.tracking.checkpoints import contents, layout_of
from vfe_lightning.tracking.opening import STARTED_FROM, Opened
from vfe_lightning.tracking.record import Record
from vfe_lightning.tracking.stored import stored


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
        record.tag({STARTED_FROM: self.run_id})
        record.note(f"{record.told}\n\n{self.in_words()}")
        print(self.in_words(), flush=True)


def start_for(system: VariationalFreeEnergy, opened: Opened, init_from: str | None) -> Start | None:
    """What a run starts from: what it had started from before it was stopped, or what it is told now.

    Args:
        opened: the run, where there is one already, and what it has learned since.

    Raises:
        Refused: there is nothing to take, or the checkpoint is of another system.
    """
    if opened.checkpoint and opened.layout != layout_of(system.state_dict()):
        refuse(system, Path(opened.checkpoint))
    source = init_from
    if opened.run_id:
        tags = store.connect(store.tracking_uri()).get_run(opened.run_id).data.tags
        source = tags.get(STARTED_FROM, init_from)
    try:
        return started_from(system, source) if source else None
    except Refused:
        if opened.checkpoint:
            return None
        raise


def refuse(system: VariationalFreeEnergy, checkpoint: Path) -> NoReturn:
    """Lightning would find out when the run goes on again, and it would end as FAILED.

    Raises:
        Refused: parameters have other names or shapes.
    """
    held, own = contents(checkpoint)["state_dict"], system.state_dict()
    shapes = [{name: tuple(value.shape) for name, value in state.items()} for state in (held, own)]
    other = sorted(name for name, _ in shapes[0].items() ^ shapes[1].items())
    names = ", ".join(list(dict.fromkeys(other))[:4])
    raise Refused(
        f"{checkpoint} holds parameters of other names or shapes than {type(system).__name__} has by now "
        f"({names}): go on with the code that made it, or start a run from it with --init_from"
    )


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
