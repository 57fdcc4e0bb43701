"""Why a run ended early, and what the user can do next."""

import errno

from torch.linalg import LinAlgError  # pyright: ignore

from vfe_lightning.errors import (
    Deleted,
    Diverged,
    Interrupted,
    NoMemory,
    NotFinite,
    Pruned,
    TakenOver,
    Unrecorded,
)
from vfe_lightning.failures import no_memory
from vfe_lightning.result import Status
from vfe_lightning.tracking.checkpoints import Checkpoints, checkpoints_in

NO_SPACE = {errno.ENOSPC: "no space left", errno.EDQUOT: "quota exceeded", errno.EROFS: "read-only"}

STOPPED = (Interrupted, Pruned, TakenOver, KeyboardInterrupt, SystemExit)


def status_of(error: BaseException) -> Status:
    return "KILLED" if isinstance(error, STOPPED) else "FAILED"


def explained(error: BaseException, checkpoints: Checkpoints, step: int) -> BaseException:
    """The error with the remedy, or itself where none is known."""
    saved = checkpoints_in(checkpoints.folder) if checkpoints.folder else []
    run_id = (checkpoints.run_id or "")[:8]
    go_on = f"go on with --resume {run_id}" if saved else "start the run again"
    if isinstance(error, Interrupted):
        return Interrupted(error.signum, f"{error} at step {step}" + (f", {go_on}" if saved else ""))
    if isinstance(error, Diverged | LinAlgError):
        good = f"the last good checkpoint is {saved[-1]}" if saved else "there is no checkpoint yet"
        kind = type(error) if isinstance(error, Diverged) else NotFinite
        return kind(f"{error} (run {run_id} FAILED; {good})")
    if no_memory(error):
        less = "lower --batch_size, or share it by --trainer.accumulate or --trainer.devices"
        return NoMemory(f"no memory for step {step} of run {run_id}: {less}")
    if isinstance(error, Deleted):
        kept = f"then {go_on} from {saved[-1]}" if saved else "there is no checkpoint yet"
        return Deleted(f"{error}; {kept}")
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        kept = f"the last checkpoint is {saved[-1].name}" if saved else "nothing is saved"
        return Unrecorded(
            f"{NO_SPACE[error.errno]} to record run {run_id} at step {step}: {kept}; make room and {go_on}"
        )
    return error
