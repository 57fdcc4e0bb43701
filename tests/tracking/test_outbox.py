"""What MLflow does not take is kept on disk in order, and delivered once."""

import pytest
from mlflow.exceptions import MlflowException
from processes import BRIEF, died, history

from vfe_lightning.errors import Interrupted, Refused
from vfe_lightning.tracking import outbox
from vfe_lightning.tracking.record import Record
from vfe_lightning.tracking.reopening import reopen
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
    record.metrics([(1, 1000, {"free_energy": 1.0})])
    outage["on"] = True
    record.metrics([(2, 2000, {"free_energy": 2.0})])
    record.metrics([(3, 3000, {"free_energy": 3.0})])
    record.text("hello", "folder/a.txt")
    record.tag({"a": "b"})
    err = capsys.readouterr().err
    assert "the server is away" in err and str(record.outbox.file) in err
    assert record.history("free_energy") == {1: 1.0, 2: 2.0, 3: 3.0}
    assert history(client, record.run_id) == {"free_energy": [(1, 1.0)]}
    outage["on"] = False
    record.metrics([(4, 4000, {"free_energy": 4.0})])
    assert history(client, record.run_id) == {"free_energy": [(s, float(s)) for s in (1, 2, 3, 4)]}
    assert client.get_run(record.run_id).data.tags["a"] == "b"
    assert [a.path for a in client.list_artifacts(record.run_id, "folder")] == ["folder/a.txt"]
    assert not record.outbox.file.exists() and "delivered" in capsys.readouterr().err


def test_a_run_that_ends_in_an_outage_is_delivered_later(client, home, outage, capsys):
    record = Record.start(BRIEF)
    outage["on"] = True
    record.metrics([(2, 2000, {"free_energy": 2.0})])
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
    assert history(client, record.run_id) == {"free_energy": [(2, 2.0)]}


def test_to_deliver_twice_does_no_harm(client, home):
    record = Record.start(BRIEF)
    item = {"metrics": [("free_energy", 1.0, 1000, 1), ("entropy", 2.0, 1000, 1)]}
    for _ in range(2):
        outbox.put(client, record.run_id, item)
    assert history(client, record.run_id) == {"entropy": [(1, 2.0)], "free_energy": [(1, 1.0)]}


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
