"""The errors that the command line shows in one line, without a traceback."""

import re
import signal

SECRET = re.compile(r"(?P<before>://[^:/@\s]*:)[^@\s]+(?=@)|(?P<name>\bpassword=)[^&\s'\"]+", re.IGNORECASE)


def masked(text: str) -> str:
    """A text without the passwords of the URLs in it."""
    return SECRET.sub(lambda found: f"{found['before'] or found['name']}***", text)


class Refused(ValueError):
    """What the user asked for cannot be done: the message names the value and the remedy, no password."""

    def __init__(self, message: str) -> None:
        super().__init__(masked(message))


class Interrupted(Exception):
    """A run that stopped in good order after a signal."""

    def __init__(self, signum: int, message: str = "") -> None:
        super().__init__(message or f"stopped by {signal.Signals(signum).name}")
        self.signum = signum


class Pruned(Exception):
    """A trial of a study that others make hopeless; its run is recorded as KILLED."""


class TakenOver(Exception):
    """Another process has claimed the run: this one may write no more."""


class Unrecorded(OSError):
    """What a run has to leave finds no place: no room on the disk, or no run in MLflow."""


class Deleted(Unrecorded):
    """Somebody has deleted the run in MLflow; the message says how it comes back."""


class NoMemory(MemoryError):
    """A step needs more memory than there is."""


class Diverged(ArithmeticError):
    """The parameters have left the ground on which the numbers mean anything; earlier ones are good."""


class NotFinite(Diverged):
    """The free energy or an update is NaN or infinite."""


class NotInvertible(Diverged):
    """A flow that has to be a bijection is none at some walker."""


class NotKnown(Exception):
    """There is no exact value to compare with here; the message says why."""
