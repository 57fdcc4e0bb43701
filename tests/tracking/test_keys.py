"""The same command makes a run, goes on with it whatever stopped it, and says when it is done."""

import json
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from processes import BRIEF, history

from vfe_lightning.errors import Interrupted, Refused
from vfe_lightning.tracking import keys, store
from vfe_lightning.tracking.filing import Filing
from vfe_lightning.tracking.record import Record

QUIET = BRIEF.vary(**{"trainer.max_steps": 20})


def runs_of(client):
    return client.search_runs([e.experiment_id for e in client.search_experiments()])


def one_is_made(client, make: Callable[[], object]) -> None:
    """Of two that make the run of a key at once, the other is told."""
    made, told = [], []

    def attempt() -> None:
        try:
            made.append(make())
        except Refused as refusal:
            told.append(str(refusal))

    both = [threading.Thread(target=attempt) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(made) == len(told) == len(runs_of(client)) == 1 and "has just been made" in told[0]


def test_one_command_makes_a_run_goes_on_with_it_and_ends(client, home, break_at):
    growing = QUIET.vary(**{"trainer.growth": 4})
    whole = growing.run()
    break_at("interrupt:13:0")
    with pytest.raises(Interrupted):
        growing.run(run_key="a")
    break_at("none:0:0")
    first = growing.run(run_key="a")
    again = growing.run(run_key="a", json=home / "again.json")
    assert first.run_id == again.run_id and len(runs_of(client)) == 2
    assert history(client, first.run_id) == history(client, whole.run_id)
    assert again.plain() == first.plain() == json.loads((home / "again.json").read_text())


def test_the_run_of_a_key_lies_where_it_is_filed(client):
    """In an MLflow experiment of another name; the same key of the experiment itself is another run."""
    own, filing = Record.start(QUIET, tags={keys.KEY: "a"}), Filing("elsewhere", "first")
    own.end("KILLED")
    first = QUIET.run(run_key="a", filing=filing)
    assert QUIET.run(run_key="a", filing=filing).run_id == first.run_id != own.run_id
    assert len(runs_of(client)) == 2
    assert client.get_experiment_by_name("elsewhere").experiment_id == (
        client.get_run(first.run_id).info.experiment_id
    )


SLOW = [pytest.param(method, marks=pytest.mark.slow) for method in ("note", "metrics")]


@pytest.mark.parametrize("method", ["describe", *SLOW])
def test_a_run_goes_on_that_was_killed_before_its_first_checkpoint(client, monkeypatch, method):
    """While it is made, before its first step, or a few steps later."""
    whole = QUIET.run()
    with monkeypatch.context() as broken:
        broken.setattr(Record, method, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        broken.setattr(Record, "end", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            QUIET.run(run_key="a")
    result = QUIET.run(run_key="a", take_over=True)
    assert {run.info.run_id for run in runs_of(client)} == {whole.run_id, result.run_id}
    assert history(client, result.run_id) == history(client, whole.run_id)
    run = client.get_run(result.run_id)
    assert run.data.tags[keys.KEY] == "a" and run.data.params["temperature"] == "0.5"


@pytest.mark.slow
def test_a_run_that_had_begun_from_another_does_so_again(client, monkeypatch):
    source = QUIET.vary(seed=7).run().run_id
    whole = QUIET.run(init_from=source)
    with monkeypatch.context() as broken:
        broken.setattr(Record, "note", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            QUIET.run(run_key="a", init_from=source)
    assert QUIET.run(run_key="a", init_from=source).free_energy == whole.free_energy


def test_two_make_one_run_of_a_key(client):
    uri = store.tracking_uri()
    experiment = store.experiment_id(client, uri, "toy")
    one_is_made(client, lambda: keys.make(store.connect(uri), uri, experiment, "toy", {keys.KEY: "a"}))


@pytest.fixture
def unlocked(client, home, monkeypatch):
    """A store as behind a server, of machines that share nothing; both look before one makes a run."""
    own = store.tracking_uri()
    experiment = store.experiment_id(client, own, "toy")
    start, first = threading.Barrier(2), keys._first
    looked = threading.local()

    def seen(*arguments):
        found = first(*arguments)
        if not getattr(looked, "once", False):
            looked.once = True
            start.wait(60)
        return found

    monkeypatch.setattr(keys, "_first", seen)
    monkeypatch.setattr(store, "project_root", lambda: Path(tempfile.mkdtemp(dir=home)))
    monkeypatch.setattr(keys, "PAUSE", 0.05)
    return lambda: keys.make(MlflowClient(own), "http://server", experiment, "toy", {keys.KEY: "a"})


def test_two_machines_make_one_run_of_a_key_on_a_server(client, unlocked):
    one_is_made(client, unlocked)
    assert [e.name for e in client.search_experiments()] == ["toy", "Default"]


def on_a_server(client) -> tuple[str, Callable[[], str]]:
    """An MLflow experiment, and what makes the run of a key in it and returns its id."""
    experiment = store.experiment_id(client, store.tracking_uri(), "toy")
    return (
        experiment,
        lambda: keys.make(client, "http://server", experiment, "toy", {keys.KEY: "a"}).info.run_id,
    )


def test_a_process_that_hangs_between_its_claim_and_its_run_makes_no_second_one(client, monkeypatch):
    _, make = on_a_server(client)
    create, made = MlflowClient.create_run, []

    def late(*arguments, **named):
        monkeypatch.setattr(MlflowClient, "create_run", create)
        made.append(make())
        return create(*arguments, **named)

    monkeypatch.setattr(keys, "AWAITED", 0.2)
    monkeypatch.setattr(MlflowClient, "create_run", late)
    with pytest.raises(Refused, match=r"has just been made by another process"):
        make()
    assert [run.info.run_id for run in runs_of(client)] == made


def test_a_claim_whose_process_died_is_no_obstacle(client, monkeypatch):
    experiment, make = on_a_server(client)
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(MlflowClient, "create_run", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        make()
    monkeypatch.setattr(keys, "AWAITED", 0.2)
    first = make()
    client.delete_run(first)
    client.delete_run(client.create_run(experiment, tags={keys.KEY: "a"}).info.run_id)
    monkeypatch.setattr(keys, "AWAITED", float("inf"))  # no claim is waited for whose run was deleted
    assert make() != first


def test_what_may_not_be_asked_for(client):
    done = Record.start(QUIET, tags={keys.KEY: "a"})
    done.end("KILLED")
    for wrong, words in {
        "it's": "is not allowed: up to 200 letters",
        "x" * 201: "is not allowed",
    }.items():
        with pytest.raises(Refused, match=words):
            QUIET.run(run_key=wrong)
    with pytest.raises(Refused, match="give one of them"):
        QUIET.run(run_key="a", resume=done.run_id)
    with pytest.raises(Refused, match="--take_over needs a run"):
        QUIET.run(take_over=True)
    with pytest.raises(Refused, match=r"temperature = 0\.7 is not that of run"):
        QUIET.vary(temperature=0.7).run(run_key="a")
    assert len(runs_of(client)) == 1


def test_checkpoints_that_are_gone_are_missed(client, home):
    """Where steps were recorded and nothing is left to go on from, no run begins anew in silence."""
    result = QUIET.run()
    for path in home.rglob("step_*.ckpt"):
        path.unlink()
    longer = QUIET.vary(**{"trainer.max_steps": 25})
    with pytest.raises(Refused, match="has recorded 20 steps and no checkpoint is in"):
        longer.run(resume=result.run_id)
    assert client.get_run(result.run_id).info.status == "FINISHED"
