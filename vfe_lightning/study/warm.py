"""Warm starts along one axis of a grid: a point begins with what its neighbour before it has learned.

Only points whose neighbour has ended wait to be taken, so that workers never have to wait for each other with
a trial in their hands, and a trial that is tried again comes before those that depend on it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from vfe_lightning.declarations.study import Grid
from vfe_lightning.study.plan import StudyPlan
from vfe_lightning.study.storage import finished, grid
from vfe_lightning.study.watch import RUN

POINT = "point"  # user attribute of a trial: which one of the grid


def offered(study: StudyPlan, opened: optuna.Study, trials: Sequence[FrozenTrial]) -> bool:
    """Whether a trial waits to be taken; the next point whose neighbour has ended does, from now on."""
    assert isinstance(study.search, Grid)
    if any(t.state == TrialState.WAITING for t in trials):
        return True
    met = {t.user_attrs.get(POINT) for t in trials}
    ended = {t.user_attrs.get(POINT) for t in finished(trials)}
    for number, point in enumerate(grid(study.search)):
        neighbour = before(study, number)
        if number not in met and (neighbour is None or neighbour in ended):
            opened.enqueue_trial(point, user_attrs={POINT: number})
            return True
    return False


def start_of(study: StudyPlan, trials: Sequence[FrozenTrial], attributes: Mapping[str, Any]) -> str | None:
    """The run of the neighbour of a trial with these attributes; where it failed, of the one before it."""
    complete = [t.user_attrs for t in trials if t.state == TrialState.COMPLETE]
    runs = {known[POINT]: known[RUN] for known in complete if POINT in known}
    number = before(study, attributes[POINT]) if POINT in attributes else None
    while number is not None and number not in runs:
        number = before(study, number)
    return None if number is None else runs[number]


def before(study: StudyPlan, point: int) -> int | None:
    """The point of the grid with the value before, all others alike; None of the first value."""
    assert isinstance(study.search, Grid) and study.warm
    names, sizes = [*study.search.values], [len(values) for values in study.search.values.values()]
    axis = names.index(study.warm)
    stride = math.prod(sizes[axis + 1 :])
    return point - stride if point // stride % sizes[axis] else None
