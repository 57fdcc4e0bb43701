"""A thread delivers what a run records: a server that hangs costs neither time nor records."""

import threading
import time

import pytest
from processes import BRIEF, history, wait_for

from vfe_lightning.errors import Deleted
from vfe_lightning.tracking import courier, outbox
from vfe_lightning.tracking.record import Record


@pytest.fixture
def served(client, home, monkeypatch):
    """A record as of a store behind a server, which takes nothing before `release` is set."""
    release, real = threading.Event(), outbox.put
    record = Record.start(BRIEF)

    def put(*item):
        release.wait(60)
        real(*item)

    monkeypatch.setattr(outbox, "put", put)
    monkeypatch.setattr(courier, "SLOW", 0.1)
    record.post = courier.Courier(record.outbox)
    yield record, release
    release.set()
    record.post.close()


def test_nothing_waits_for_a_server_that_hangs(client, served, monkeypatch, capsys):
    record, release = served
    monkeypatch.setattr(courier, "answers", lambda: False)
    began = time.monotonic()
    for step in range(5):
        record.metrics([(step, 1000, {"train/free_energy": float(step)})])
        record.tag({"last": str(step)})
    record.end("FINISHED")
    assert record.history("train/free_energy") == {step: float(step) for step in range(5)}
    assert not record.post.settle()
    assert time.monotonic() - began < 5
    assert len(record.outbox.file.read_text().splitlines()) == 12  # the last says that the session has ended
    release.set()
    wait_for(lambda: not record.outbox.file.exists(), 10)
    run = client.get_run(record.run_id)
    assert (run.info.status, run.data.tags["last"]) == ("FINISHED", "4")
    assert history(client, record.run_id) == {"train/free_energy": [(s, float(s)) for s in range(5)]}
    assert capsys.readouterr().err == ""


def test_a_server_that_is_busy_is_waited_for(client, served, monkeypatch):
    record, release = served
    monkeypatch.setattr(courier, "answers", lambda: True)
    threading.Timer(0.5, release.set).start()
    record.tag({"a": "b"})
    record.close()
    assert client.get_run(record.run_id).data.tags["a"] == "b"


def test_what_the_thread_meets_is_told(client, served):
    """As it is told of a store that is a file; nothing is lost of a run that somebody has deleted."""
    record, release = served
    release.set()
    record.post.send({"tags": {"a" * 300: "this name is too long"}})
    with pytest.raises(Exception, match="exceeds the maximum length"):
        record.post.settle()
    assert record.post.settle()
    client.delete_run(record.run_id)
    record.metrics([(1, 1000, {"train/free_energy": 1.0})])
    with pytest.raises(Deleted, match=f"runs restore --run-id {record.run_id}"):
        record.close()
    client.restore_run(record.run_id)
    assert record.outbox.deliver(at_once=True)
    assert history(client, record.run_id) == {"train/free_energy": [(1, 1.0)]}
