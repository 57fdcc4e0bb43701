"""Imports of torch, Lightning and MLflow in three quarters of their time.

They make a million objects that all stay, and Python looks through them again and again for garbage.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """What is imported here is not searched for garbage meanwhile."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
