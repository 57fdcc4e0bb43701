"""Where Optuna keeps the trials: by default an SQLite file under mlruns/, shared by all workers."""

import itertools
import json
import math
import os
import shlex
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

from vfe_lightning.declarations.study import GP, TPE, Grid, Pruning, Search
from vfe_lightning.errors import Refused
from vfe_lightning.study.plan import StudyPlan
from vfe_lightning.tracking import store
from vfe_lightning.tracking.uri import absolute, has_password, of_file

HEARTBEAT = 5  # seconds between two signs of life of a running trial
RETRIES = 5  # of a trial whose worker died
CHANGES, ARGUMENTS = "changes", "arguments"  # of a study: what its command line said of the experiment


def storage_url(given: str | None) -> str:
    """What was asked for, or OPTUNA_STORAGE, or mlruns/optuna.db of the project.

    Raises:
        Refused: a password was asked for with, where everybody can read it.
    """
    if given and has_password(given):
        raise Refused(
            "--storage has a password in it, and a command line is no secret: set OPTUNA_STORAGE to it "
            "instead, or keep the password in ~/.pgpass"
        )
    default = of_file(store.project_root() / "mlruns" / "optuna.db")
    return absolute(given or os.environ.get("OPTUNA_STORAGE") or default)


def grace_period() -> float:
    """Seconds without a sign of life after which a trial is tried again: VFE_GRACE, or a minute."""
    given = os.environ.get("VFE_GRACE") or str(12 * HEARTBEAT)
    try:
        grace = float(given)
    except ValueError:
        grace = math.nan
    if not 0 < grace < 1e6:
        raise Refused(f"VFE_GRACE = {given} is not allowed: seconds, > 0")
    return grace


def connect(url: str) -> RDBStorage:
    """The storage, whose tables are made if need be; trials without a sign of life are tried again.

    Raises:
        Refused: when Optuna cannot use it.
    """
    store.check_reachable(url, "--storage")
    if url == store.tracking_uri():
        raise Refused(f"--storage = {url} is MLflow's: Optuna needs a database of its own")
    grace = grace_period()
    waits = {"connect_args": {"timeout": 60}} if store.database_file(url) else {"pool_pre_ping": True}
    try:
        with store.lock(url), warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            store.make_database(url)
            return RDBStorage(
                url,
                engine_kwargs=waits,
                heartbeat_interval=min(HEARTBEAT, max(1, int(grace / 3))),
                grace_period=max(1, int(grace)),
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(
                    RETRIES, inherit_intermediate_values=True
                ),
            )
    except Exception as error:  # of SQLAlchemy, Alembic or a driver that is not installed
        reason = str(error).strip().partition("\n")[0]
        raise Refused(f"Optuna cannot use {url}: {reason}") from error


def open_study(study: StudyPlan, url: str, changes: Mapping[str, Any] | None) -> optuna.Study:
    """The study, created if need be; `changes` of the experiment are the same for all its trials.

    Raises:
        Refused: when it was begun with other changes or other objectives.
    """
    storage = connect(url)
    with store.lock(url):
        opened = optuna.create_study(
            study_name=study.name,
            storage=storage,
            sampler=sampler(study.search),
            pruner=pruner(study.pruning),
            directions=[optuna.study.StudyDirection.MINIMIZE for _ in study.objectives],
            load_if_exists=True,
        )
        if len(opened.directions) != len(study.objectives):
            raise Refused(f"study {study.name} in {url} has {len(opened.directions)} objectives")
        if not opened.metric_names:
            opened.set_metric_names(list(study.objectives))
        known = opened.user_attrs.get(CHANGES)
        if known is None:
            opened.set_user_attr(CHANGES, dict(changes or {}))
            opened.set_user_attr(ARGUMENTS, list(study.arguments))
            if isinstance(study.search, Grid) and not study.warm:  # where one waits for the other
                for point in grid(study.search):
                    opened.enqueue_trial(point)
        elif changes is not None and json.loads(json.dumps(dict(changes))) != known:
            was = " ".join(f"--{k} {v}" for k, v in known.items()) or "no such flags"
            raise Refused(f"study {study.name} was begun with {was}: give the same, or another --name")
        elif study.arguments and list(study.arguments) != (was := opened.user_attrs.get(ARGUMENTS)):
            was = shlex.join(was or ["a study of another kind"])
            raise Refused(f"study {study.name} was begun as {was}: give the same, or another --name")
    return opened


def grid(search: Grid) -> list[dict[str, Any]]:
    return [
        dict(zip(search.values, point, strict=True)) for point in itertools.product(*search.values.values())
    ]


def sampler(search: Search) -> optuna.samplers.BaseSampler:
    """Unseeded, since a seeded one would draw the same trials again after each restart.

    The points of a grid wait in the storage, so that no two workers take the same.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        match search:
            case TPE(startup_trials=n):
                return optuna.samplers.TPESampler(n_startup_trials=n)
            case GP(startup_trials=n):
                return optuna.samplers.GPSampler(n_startup_trials=n, warn_independent_sampling=False)
            case Grid(values=values):
                return optuna.samplers.GridSampler(values)


def pruner(pruning: Pruning | None) -> optuna.pruners.BasePruner:
    if pruning is None:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(pruning.startup_trials, pruning.warmup_steps)


def outcomes(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials without those that were tried again."""
    again = {number for t in trials for number in t.system_attrs.get("retry_history", [])}
    return [t for t in trials if t.number not in again]


def finished(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    return [t for t in outcomes(trials) if t.state.is_finished()]


def running(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    return [t for t in outcomes(trials) if t.state == TrialState.RUNNING]
