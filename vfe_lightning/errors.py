"""The errors that the command line shows in one line, without a traceback."""

import signal


class Refused(ValueError):
    """What the user asked for cannot be done: the message names the value and the remedy."""


class Interrupted(Exception):
    """A run that stopped in good order after a signal."""

    def __init__(self, signum: int, message: str = "") -> None:
        super().__init__(message or f"stopped by {signal.Signals(signum).name}")
        self.signum = signum


class Pruned(Exception):
    """A trial of a study that others make hopeless; its run is recorded as KILLED."""


class Unrecorded(OSError):
    """What a run has to leave finds no place: no room on the disk, or no run in MLflow."""


class Deleted(Unrecorded):
    """Somebody has deleted the run in MLflow; the message says how it comes back."""


class Diverged(ArithmeticError):
    """The parameters have left the ground on which the numbers mean anything; earlier ones are good."""


class NotFinite(Diverged):
    """The free energy or an update is NaN or infinite."""


class NotInvertible(Diverged):
    """A flow that has to be a bijection is none at some walker."""


class NotKnown(Exception):
    """There is no exact value to compare with here; the message says why."""
