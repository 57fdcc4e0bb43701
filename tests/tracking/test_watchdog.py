"""A rank that waits for another one ends at the first signal, with its parent, or after a while."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from processes import code_of, start, wait_for
from services import free_port


def wait_in_vain(port: int) -> None:
    """For a second rank, inside of C++, where Python handles no signal."""
    import torch.distributed as dist

    from vfe_lightning.tracking import watchdog
    from vfe_lightning.tracking.stop import GracefulStop

    watchdog.PROMPT, watchdog.MEETING = 0.3, 1.0
    with GracefulStop() as stop:
        stop.watchdog.meeting("MEET" in os.environ)
        print("waiting", flush=True)
        dist.TCPStore("127.0.0.1", port, world_size=2, is_master=True)


def waiting(log: Path, **environment: str):
    process = start(wait_in_vain, (free_port(),), log, log, environment)
    wait_for(lambda: "waiting" in log.read_text() if log.exists() else False)
    return process


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_rank_that_waits_ends_at_the_first_signal(home, signum):
    process = waiting(home / "log")
    time.sleep(0.3)  # now it waits
    os.kill(process.pid, signum)
    assert code_of(process, 10) == 128 + signum
    assert f"{signum.name} while it waited" in (home / "log").read_text()


def test_a_rank_does_not_wait_for_ever(home):
    assert code_of(waiting(home / "log", MEET="yes"), 10) == 143
    assert "the other ranks were not there" in (home / "log").read_text()


def test_a_rank_ends_with_the_process_that_started_it(home):
    told = {"VFE_OPENED": json.dumps([1, None, None, False]), "LOCAL_RANK": "1"}  # not by that of this test
    assert code_of(waiting(home / "log", **told), 10) == 143
    assert "the process that started this one has ended" in (home / "log").read_text()
