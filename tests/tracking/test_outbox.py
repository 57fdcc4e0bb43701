"""What MLflow does not take is kept on disk in order, and delivered once."""

import json
import time
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from processes import BRIEF, code_of, died, history, start, wait_for

from vfe_lightning.errors import Interrupted, Refused
from vfe_lightning.tracking import outbox, store
from vfe_lightning.tracking.items import ended
from vfe_lightning.tracking.record import Record
from vfe_lightning.tracking.reopening import reopen
from vfe_lightning.tracking.sessions import BEGUN
from vfe_lightning.tracking.sweep import deliver


@pytest.fixture
def outage(monkeypatch):
    """MLflow takes nothing while `on` is true."""
    state = {"on": False}
    real = outbox.put

    def put(client, run_id, item):
        if state["on"]:
            raise MlflowException("the server is away")
        real(client, run_id, item)

    monkeypatch.setattr(outbox, "put", put)
    monkeypatch.setattr(outbox, "PAUSE", 0.0)
    return state


def test_an_outage_costs_nothing(client, home, outage, capsys):
    record = Record.start(BRIEF)
    record.metrics([(1, 1000, {"train/free_energy": 1.0})])
    outage["on"] = True
    record.metrics([(2, 2000, {"train/free_energy": 2.0})])
    record.metrics([(3, 3000, {"train/free_energy": 3.0})])
    record.text("hello", "folder/a.txt")
    record.tag({"a": "b"})
    err = capsys.readouterr().err
    assert "the server is away" in err and str(record.outbox.file) in err
    assert record.history("train/free_energy") == {1: 1.0, 2: 2.0, 3: 3.0}
    assert history(client, record.run_id) == {"train/free_energy": [(1, 1.0)]}
    outage["on"] = False
    record.metrics([(4, 4000, {"train/free_energy": 4.0})])
    assert history(client, record.run_id) == {"train/free_energy": [(s, float(s)) for s in (1, 2, 3, 4)]}
    assert client.get_run(record.run_id).data.tags["a"] == "b"
    assert [a.path for a in client.list_artifacts(record.run_id, "folder")] == ["folder/a.txt"]
    assert not record.outbox.file.exists() and "delivered" in capsys.readouterr().err


def test_a_run_that_ends_in_an_outage_is_delivered_later(client, home, outage, capsys):
    record = Record.start(BRIEF)
    outage["on"] = True
    record.metrics([(2, 2000, {"train/free_energy": 2.0})])
    record.end("FINISHED")
    record.close()
    assert "sweep" in capsys.readouterr().err
    with pytest.raises(Refused, match="cannot be delivered"):
        reopen(Record.claim(client, client.get_run(record.run_id)), BRIEF)
    outage["on"] = False
    assert deliver(client) == (0, {record.run_id: "its process may still write to it"})
    died(client, record.run_id)
    assert deliver(client) == (1, {})
    assert client.get_run(record.run_id).info.status == "FINISHED"
    assert history(client, record.run_id) == {"train/free_energy": [(2, 2.0)]}


def test_to_deliver_twice_does_no_harm(client, home):
    record = Record.start(BRIEF)
    item = {"metrics": [("train/free_energy", 1.0, 1000, 1), ("train/entropy", 2.0, 1000, 1)]}
    for _ in range(2):
        outbox.put(client, record.run_id, item)
    assert history(client, record.run_id) == {"train/entropy": [(1, 2.0)], "train/free_energy": [(1, 1.0)]}


def test_a_line_that_was_not_written_to_its_end_is_left_out(client, home):
    record = Record.start(BRIEF)
    record.outbox.keep({"tags": {"a": "b"}})
    with record.outbox.file.open("a") as file:
        file.write('{"tags": {"c":')
    record.outbox.keep({"tags": {"d": "e"}})
    assert record.outbox.deliver(at_once=True)
    assert {"a", "d"} <= client.get_run(record.run_id).data.tags.keys()


def test_a_signal_while_it_delivers_loses_nothing(client, home, monkeypatch):
    record = Record.start(BRIEF)
    record.outbox.keep({"tags": {"a": "b"}})
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(outbox, "put", lambda *_: (_ for _ in ()).throw(Interrupted(15)))
        record.outbox.deliver(at_once=True)
    assert record.outbox.deliver(at_once=True)
    assert client.get_run(record.run_id).data.tags["a"] == "b"


def test_what_mlflow_will_never_take_is_an_error(client, home):
    record = Record.start(BRIEF)
    with pytest.raises(MlflowException):
        record.metrics([(1, 1000, {"no (such) name": 1.0})])
    assert not record.outbox.file.exists()


def deliver_slowly(run_id: str, folder: Path, rank: int) -> None:
    """What is kept, at the same time as another process; each item that leaves is noted."""

    def put(client, run_id, item):
        with (folder / "delivered").open("a") as file:
            file.write(f"{item['tags']['n']}\n")
        time.sleep(0.02)

    outbox.put = put
    box = outbox.Outbox(store.connect(store.tracking_uri()), run_id)
    (folder / f"ready{rank}").touch()
    wait_for((folder / "go").exists)
    assert box.deliver(at_once=True)


def test_two_processes_deliver_each_item_once(client, home):
    """Also those that a third one keeps meanwhile, at whatever moment the file comes to its end."""
    record = Record.start(BRIEF)
    for n in range(25):
        record.outbox.keep({"tags": {"n": str(n)}})
    both = [
        start(deliver_slowly, (record.run_id, home, rank), home / "log", home / "log", {}) for rank in (0, 1)
    ]
    wait_for(lambda: (home / "ready0").exists() and (home / "ready1").exists())
    (home / "go").touch()
    for n in range(25, 60):
        record.outbox.keep({"tags": {"n": str(n)}})
        time.sleep(0.02)
    assert [code_of(process) for process in both] == [0, 0], (home / "log").read_text()
    left = record.outbox.file.read_text().splitlines() if record.outbox.file.exists() else []
    done = (home / "delivered").read_text().split()
    assert done + [json.loads(line)["tags"]["n"] for line in left] == [str(n) for n in range(60)]
    assert {path.suffix for path in record.outbox.file.parent.iterdir()} <= {".jsonl", ".lock"}


def test_a_file_that_another_process_has_made_anew_is_delivered_from_its_beginning(client, home, outage):
    record = Record.start(BRIEF)
    for name in "abc":
        record.outbox.keep({"tags": {name: "1"}})
    record.outbox.guard = lambda: outage.update(on="b" in client.get_run(record.run_id).data.tags)
    assert not record.outbox.deliver(at_once=True)  # MLflow has taken two of three
    record.outbox.guard, outage["on"] = None, False
    other = outbox.Outbox(client, record.run_id)
    assert other.deliver(at_once=True)
    for name in "defghij":
        other.keep({"tags": {name: "1"}})
    assert record.outbox.deliver(at_once=True)
    assert set("abcdefghij") <= client.get_run(record.run_id).data.tags.keys()


def test_what_an_older_session_left_does_not_overwrite_a_later_one(client, home):
    """As on a machine that comes back after another one has gone on with the run, and ended it."""
    first = Record.start(BRIEF)
    first.outbox.keep({"tags": {"a": "old"}})
    first.outbox.keep({"metrics": [("train/free_energy", 1.0, 1000, 1)]})
    first.outbox.keep(ended("KILLED", "old"))
    first.leave()
    away = first.outbox.file.rename(home / "away")
    second = Record.claim(client, client.get_run(first.run_id))
    reopen(second, BRIEF)
    second.tag({"a": "new"})
    second.metrics([(1, 2000, {"train/free_energy": 1.0})])
    second.end("FINISHED")
    second.close()
    kept = away.rename(first.outbox.file)
    assert deliver(client) == (1, {})
    run = client.get_run(first.run_id)
    assert (run.info.status, run.data.tags["a"]) == ("FINISHED", "new") and "vfe.error" not in run.data.tags
    assert history(client, first.run_id) == {"train/free_energy": [(1, 1.0)]}
    assert not kept.exists() and len(kept.with_suffix(".late").read_text().splitlines()) == 3


def test_what_an_older_session_left_is_delivered_before_a_later_one_begins(client, home):
    first = Record.start(BRIEF)
    first.outbox.keep({"tags": {"a": "old"}})
    first.leave()
    died(client, first.run_id)  # a second session, before it had written anything
    assert deliver(client) == (1, {})
    assert client.get_run(first.run_id).data.tags["a"] == "old"
    first.outbox.keep({"tags": {"a": "older"}})
    third = Record.claim(client, client.get_run(first.run_id))
    reopen(third, BRIEF)
    third.leave()
    tags = client.get_run(first.run_id).data.tags
    assert (tags["a"], tags[BEGUN]) == ("older", "3")
