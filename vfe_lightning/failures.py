"""What only decorates a run may fail: the failure is told, and the numbers of the run stand."""

import traceback
from collections.abc import Callable
from typing import TypeVar

from vfe_lightning.errors import Interrupted, Pruned

T = TypeVar("T")


class Failures(dict[str, str]):
    """What failed, and the error in one line, by names such as "figures".

    Attributes:
        traces: the tracebacks, by the same names.
    """

    def __init__(self) -> None:
        super().__init__()
        self.traces: dict[str, str] = {}

    def attempt(self, what: str, make: Callable[[], T]) -> T | None:
        """What `make` returns; None, and a note of the failure, where it raises an error."""
        try:
            return make()
        except (Interrupted, Pruned):
            raise
        except Exception as error:  # whatever a picture or a reference may raise
            self[what] = " ".join(f"{type(error).__name__}: {error}".split())
            self.traces[what] = traceback.format_exc()
            return None


def no_memory(error: BaseException) -> bool:
    """Whether a step, or what is built for it, does not fit: torch has an error of its own for GPUs only."""
    told = ("allocate memory", "out of memory", "not enough memory", "Storage size calculation overflowed")
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in told)
    )
