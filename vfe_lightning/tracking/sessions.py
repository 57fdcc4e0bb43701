"""Who may write to a run: one session at a time, which shows that it lives by renewing a mark in the store.

MLflow never changes a parameter that is logged. To log that of the next session is therefore one atomic step
on every store, and claims the run. A session is over when it says so, when this machine knows that its
process has ended, or when its mark has not changed for five periods: the side that watches counts them on its
own clock, and no two clocks are compared.
"""

import os
import time
import uuid

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from vfe_lightning.errors import Refused
from vfe_lightning.tracking.process import Process

SESSION = "vfe.session."  # parameters: the process of each session
MARK = "vfe.lease"  # tag: renewals, and the seconds between them
BEGUN = "vfe.begun"  # tag: the last session that has gone on with the run, and writes
ENDED = "vfe.ended"  # tag: the last session that has said so
PERIOD = 30.0  # seconds; VFE_LEASE sets it
MISSED = 5  # renewals after which nobody is believed to write


def session_of(run: Run) -> int:
    """The number of the latest session; 0 of runs of earlier versions, and of one that is just made."""
    numbers = [name.removeprefix(SESSION) for name in run.data.params if name.startswith(SESSION)]
    return max((int(number) for number in numbers if number.isdigit()), default=0)


def owner_of(run: Run) -> Process:
    """The process of the latest session."""
    text = run.data.params.get(f"{SESSION}{session_of(run)}")
    return Process.parse(text) if text else Process.of(run.data.tags)


def is_over(run: Run) -> bool:
    """Whether the latest session is known to write no more."""
    session = session_of(run)
    ended = run.data.tags.get(ENDED) == str(session) if session else run.info.status != "RUNNING"
    return ended or owner_of(run).is_gone()


def begin(client: MlflowClient, run_id: str) -> int:
    """The first session of a run that this process has made."""
    client.log_param(run_id, f"{SESSION}1", _token())
    return 1


def claim(client: MlflowClient, run: Run) -> int:
    """The number of the session that this process now is, if none has begun since `run` was read.

    Raises:
        Refused: another process was faster.
    """
    run_id, session, mark = run.info.run_id, session_of(run) + 1, sign_of_life(0)
    try:
        client.log_param(run_id, f"{SESSION}{session}", _token())
    except MlflowException as error:
        if error.error_code != "INVALID_PARAMETER_VALUE":
            raise
        raise Refused(f"run {run_id[:8]} has just been resumed by another process") from error
    client.set_tag(run_id, MARK, mark)
    return session


def free(client: MlflowClient, run_id: str, take_over: bool = False) -> Run:
    """The run, to which nobody writes any more; where only other machines can see that, after minutes.

    Raises:
        Refused: another process does.
    """
    run = client.get_run(run_id)
    return run if take_over or is_over(run) else _watched(client, run)


def _watched(client: MlflowClient, run: Run) -> Run:
    """The run, once its mark has not changed for long.

    Raises:
        Refused: it has changed, or there is none.
    """
    run_id, owner, mark = run.info.run_id, owner_of(run), run.data.tags.get(MARK)
    where = f"process {owner.pid.partition(':')[0]} on {owner.host}"
    if owner.lives():
        raise Refused(f"run {run_id[:8]} is still running: {where}")
    remedy = "if it is dead, --take_over goes on at once"
    if mark is None:
        raise Refused(f"run {run_id[:8]} is still running: {where}; {remedy}")
    wait = MISSED * _period_of(mark)
    print(f"run {run_id[:8]} was {where}: does it show a sign of life in {wait:g} s? ({remedy})", flush=True)
    end = time.monotonic() + wait
    while time.monotonic() < end:
        time.sleep(min(5.0, wait / 20))
        now = client.get_run(run_id)
        if session_of(now) != session_of(run) or now.data.tags.get(MARK) != mark:
            raise Refused(f"run {run_id[:8]} is still running: {where}")
        if is_over(now):
            return now
    return run


def silent(client: MlflowClient, runs: list[Run]) -> list[Run]:
    """Those of the runs whose marks stay the same for as long as each says that it may take."""
    left = {run.info.run_id: run for run in runs if MARK in run.data.tags}
    found: list[Run] = []
    began = time.monotonic()
    while left:
        pause = min(_period_of(run.data.tags[MARK]) for run in left.values())
        time.sleep(min(5.0, pause / 4))
        for run_id, run in list(left.items()):
            mark, now = run.data.tags[MARK], client.get_run(run_id)
            if now.data.tags.get(MARK) != mark or session_of(now) != session_of(run):
                del left[run_id]
            elif time.monotonic() - began > MISSED * _period_of(mark):
                found.append(left.pop(run_id))
    return found


def period() -> float:
    """Seconds between two renewals.

    Raises:
        Refused: VFE_LEASE is no number above 0.
    """
    given = os.environ.get("VFE_LEASE", str(PERIOD))
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 86400:
        raise Refused(f"VFE_LEASE = {given} is not allowed: seconds between two signs of life of a run")
    return seconds


def sign_of_life(renewals: int) -> str:
    """A mark that no session has left before."""
    return f"{renewals} {period():g} {uuid.uuid4().hex[:8]}"


def _period_of(mark: str) -> float:
    try:
        return float(mark.split()[1])
    except (IndexError, ValueError):
        return PERIOD


def _token() -> str:
    # Not the same twice, since MLflow lets the same value be logged again.
    return f"{Process.this()} {uuid.uuid4().hex[:8]}"
