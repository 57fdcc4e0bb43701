"""Words on the terminal beside the results."""

import sys
from functools import cache

from lightning.pytorch.utilities import rank_zero_only


@cache
@rank_zero_only
def tell_once(words: str) -> None:
    """On standard error: not on each rank, and not each time that a record is read again."""
    print(words, file=sys.stderr, flush=True)
