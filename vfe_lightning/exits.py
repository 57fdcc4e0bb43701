"""How a program ends: what the user is meant to read in one line, and the exit status that goes with it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from vfe_lightning.cluster import check_variables
from vfe_lightning.errors import Diverged, Interrupted, NoMemory, Refused, TakenOver, Unrecorded


@contextmanager
def told() -> Iterator[None]:
    """Exit with 2 for a refusal, 1 for a failure, 128 + n for signal n; other errors are defects.

    A reader of the output that has seen enough, as `head` has, is no reason to say more.
    """
    try:
        try:
            check_variables()
            yield
        finally:
            sys.stdout.flush()
    except Refused as refusal:
        fail(refusal, 2)
    except (Diverged, NoMemory, TakenOver, Unrecorded) as error:
        fail(error, 1)
    except Interrupted as error:
        fail(error, 128 + error.signum)
    except KeyboardInterrupt:
        fail(Interrupted(signal.SIGINT), 128 + signal.SIGINT)
    except BrokenPipeError:
        # Python flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)


def fail(error: Exception, code: int) -> NoReturn:
    line = " ".join(str(error).split())
    # What was typed may be no text, or steer the terminal.
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    print(f"error: {shown}", file=sys.stderr)
    sys.exit(code)
