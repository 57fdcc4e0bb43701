"""What is asked of a store does not grow with the number of its runs."""

import math
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
import pytest
from mlflow.entities import Metric, Param
from mlflow.store.tracking.dbmodels.models import SqlRun
from sqlalchemy import Engine, event

from vfe_lightning.analysis.export import curves_frame, runs_frame
from vfe_lightning.analysis.runs import all_runs
from vfe_lightning.errors import Refused
from vfe_lightning.tracking import store
from vfe_lightning.tracking.listing import rows
from vfe_lightning.tracking.lookup import find_run
from vfe_lightning.tracking.tables import runs_and_curves


def make_runs(client, n: int) -> list[str]:
    experiment = store.experiment_id(client, store.tracking_uri(), "toy")
    made = [
        client.create_run(experiment, start_time=1 + i, run_name=f"run {i}").info.run_id for i in range(n)
    ]
    for number, run_id in enumerate(made):
        metrics = [Metric(name, number + step, step, step) for name in ("train/F", "S") for step in (1, 2)]
        again = [Metric("train/F", 9.0, 1000 + i, 2) for i in range(number)]  # by a run that was resumed
        metrics += [*again, Metric("_quoted/F", 1.0, 0, 2), Metric("S", math.nan, 3, 3)]
        client.log_batch(run_id, metrics=metrics, params=[Param("L", str(number))])
    return made


@contextmanager
def loaded(monkeypatch) -> Iterator[list]:
    """The runs that MLflow makes objects of meanwhile, with all that belongs to them, in this thread."""
    seen, convert, here = [], SqlRun.to_mlflow_entity, threading.get_ident()

    def counted(run, *arguments, **named):
        if threading.get_ident() == here:
            seen.append(run.run_uuid)
        return convert(run, *arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(SqlRun, "to_mlflow_entity", counted)
        yield seen


@contextmanager
def queries() -> Iterator[list]:
    """What this thread asks: others, which renew leases or deliver, may be at work."""
    seen, here = [], threading.get_ident()

    def counted(connection, cursor, statement, *_):
        if threading.get_ident() == here:
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", counted)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", counted)


def test_a_run_is_found_without_loading_the_others(client, monkeypatch):
    made = make_runs(client, 17)
    with loaded(monkeypatch) as seen:
        assert find_run(client, made[3]).info.run_id == made[3]
        assert find_run(client, made[5][:12]).data.params == {"L": "5"}
        for nothing in ("nothing", "", "%", "' OR ''='", "0" * 32):
            with pytest.raises(Refused, match="no run"):
                find_run(client, nothing)
    assert seen == [made[3], made[5]]
    [first, *_] = sorted({m[0] for m in made}, key=[m[0] for m in made].count, reverse=True)
    with loaded(monkeypatch) as seen, pytest.raises(Refused, match=f"runs begin with {first}: "):
        find_run(client, first)  # of 17 runs two have the same first of 16 letters
    assert 2 <= len(seen) <= 6


def test_a_list_of_few_loads_few_when_one_has_died(client, monkeypatch):
    made = make_runs(client, 6)
    for run_id in made[1:]:
        client.set_terminated(run_id)
    client.set_tag(made[0], "vfe.host", socket.gethostname())
    client.set_tag(made[0], "vfe.pid", "1:0")
    with loaded(monkeypatch) as seen:
        assert [row.parameters for row in rows(store.tracking_uri(), None, 2)] == ["run 5", "run 4"]
    assert set(seen) == {made[0]} and client.get_run(made[0]).info.status == "KILLED"
    assert len(all_runs(client, None, 2)[0]) == 2


def test_export_asks_as_often_of_many_runs_as_of_few(client):
    asked = []
    for n in (1, 4):
        make_runs(client, n)
        with queries() as seen:
            runs, curves = runs_and_curves(client, store.tracking_uri(), "toy")
        asked.append(len(seen))
    assert asked[0] == asked[1] < 10
    by_mlflow, _ = all_runs(client, "toy")
    order = [run.info.run_id for run in by_mlflow]
    assert sorted(order) == sorted(run.info.run_id for run in runs)
    one, other = (runs_frame(r).sort_values("run", ignore_index=True) for r in (runs, by_mlflow))
    pd.testing.assert_frame_equal(one, other, check_like=True)
    one, other = (
        frame.sort_values(["run", "step"], ignore_index=True)
        for frame in (curves, curves_frame(client, by_mlflow))
    )
    pd.testing.assert_frame_equal(one, other, check_like=True)
    assert not [name for name in curves if "quoted" in name] and set(curves["F"].dropna()) > {9.0}
    with pytest.raises(Refused, match="did you mean toy"):
        runs_and_curves(client, store.tracking_uri(), "tou")
