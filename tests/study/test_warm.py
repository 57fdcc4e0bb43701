"""Which point of a grid waits for which, and whose parameters it takes."""

import optuna
from optuna.trial import TrialState
from toy_study import point

from vfe_lightning import Study
from vfe_lightning.declarations import Grid
from vfe_lightning.study.storage import grid
from vfe_lightning.study.warm import POINT, before, offered, start_of

GRID = Grid(values={"seed": (1, 2), "temperature": (0.5, 1.0, 2.0), "batch_size": (8, 16)})


def along(axis: str) -> Study:
    return Study(name="warm", experiment=point, search=GRID, pruning=None, warm=axis)


def test_the_neighbour_differs_in_the_one_axis():
    points = grid(GRID)
    for axis, values in GRID.values.items():
        for number, chosen in enumerate(points):
            neighbour = before(along(axis), number)
            if neighbour is None:
                assert chosen[axis] == values[0]
            else:
                earlier = values[values.index(chosen[axis]) - 1]
                assert neighbour < number and points[neighbour] == chosen | {axis: earlier}


def test_no_point_is_offered_before_its_neighbour_has_ended():
    """Taken as several workers would: the first trial of a chain fails, and all points are met once."""
    study, opened = along("temperature"), optuna.create_study()
    running: list[optuna.Trial] = []
    started: dict[int, str | None] = {}
    for turn in range(40):
        if offered(study, opened, opened.trials):
            trial = opened.ask()
            running.append(trial)
            number = trial.user_attrs[POINT]
            started[number] = start_of(study, opened.trials, trial.user_attrs)
            trial.set_user_attr("run_id", f"run {number}")
        if running and (turn % 3 == 2 or not offered(study, opened, opened.trials)):
            trial = running.pop()
            failed = trial.user_attrs[POINT] == 2
            opened.tell(trial, None if failed else 0.0, TrialState.FAIL if failed else None)
    assert sorted(started) == list(range(12))
    expected = {n: before(study, n) for n in range(12)} | {4: 0}  # 2 has failed
    assert started == {n: None if of is None else f"run {of}" for n, of in expected.items()}
