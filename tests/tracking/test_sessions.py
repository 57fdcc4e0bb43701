"""One session writes to a run at a time, whatever hosts, clocks and PID namespaces say."""

import random
import threading
import time

import pytest
from processes import BRIEF, code_of, died, history, on_command_line, wait_for
from seeds import MOVED

from vfe_lightning.errors import Refused, TakenOver
from vfe_lightning.tracking import sessions, store
from vfe_lightning.tracking.listing import rows
from vfe_lightning.tracking.process import Process
from vfe_lightning.tracking.record import Record
from vfe_lightning.tracking.sweep import marked

TIMES = 20


@pytest.fixture
def impatient(monkeypatch):
    """Signs of life every 0.1 s, so that a session is believed dead after half a second."""
    monkeypatch.setenv("VFE_LEASE", "0.1")


class Clock:
    """Of those who watch a run: minutes pass at once, in which the sessions that live renew their marks."""

    def __init__(self) -> None:
        self.now, self.living = 0.0, []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        renewals = self.now // sessions.PERIOD
        self.now += seconds
        for lease in self.living if self.now // sessions.PERIOD > renewals else ():
            lease._renew()


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.delenv("VFE_LEASE", raising=False)
    monkeypatch.setattr(sessions, "time", made)
    return made


def claim(client, run_id: str, take_over: bool = False) -> int:
    return sessions.claim(client, sessions.free(client, run_id, take_over))


def ended(client) -> str:
    record = Record.start(BRIEF)
    record.end("KILLED")
    return record.run_id


def test_of_two_that_claim_a_run_at_once_one_wins(client):
    dice, run_id = random.Random(MOVED), ended(client)
    for _ in range(TIMES):
        start, won, told = threading.Barrier(2), [], []

        def resume(pause: float, start=start, won=won, told=told) -> None:
            own = store.connect(store.tracking_uri())
            start.wait()
            time.sleep(pause)
            try:
                won.append(sessions.claim(own, sessions.free(own, run_id)))
            except Refused as refusal:
                told.append(str(refusal))

        both = [threading.Thread(target=resume, args=(dice.uniform(0, 0.01),)) for _ in range(2)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert len(won) == 1 and len(told) == 1, (won, told)
        assert "has just been resumed" in told[0] or "is still running" in told[0]
        client.set_tag(run_id, sessions.ENDED, str(won[0]))


@pytest.mark.slow
def test_of_two_processes_that_resume_a_run_at_once_one_goes_on(client, home):
    dice, whole = random.Random(MOVED), BRIEF.run().run_id
    for number in range(TIMES):
        log, environment = home / f"log{number}", {"TOY_BREAK": "kill:23:0"}
        code = code_of(on_command_line(log, "--run_key", str(number), environment=environment))
        assert code == -9, log.read_text()
        run_id = log.read_text().split(", run ")[1].split()[0]
        both = []
        for rank in range(2):
            both.append(on_command_line(home / f"log{number}_{rank}", "--resume", run_id, pause=0.02))
            time.sleep(dice.choice([0.0, dice.uniform(0, 0.3)]))
        codes = sorted(code_of(process) for process in both)
        assert codes == [0, 2], [(home / f"log{number}_{rank}").read_text() for rank in range(2)]
        assert history(client, run_id) == history(client, whole)


def test_a_process_is_known_by_boot_and_namespace_not_by_the_name_of_its_host(client):
    here, elsewhere = Record.start(BRIEF).run_id, Record.start(BRIEF).run_id
    died(client, here, machine=Process.this().machine)  # in a container of another name
    died(client, elsewhere, machine="another/1")
    assert {row.run: row.status for row in rows(store.tracking_uri(), None, None)} == {
        here[:8]: "KILLED", elsewhere[:8]: "RUNNING"
    }  # fmt: skip
    assert claim(client, here) == 3


def test_a_process_that_its_parent_has_not_asked_about_has_ended(home):
    import subprocess

    child = subprocess.Popen(["sleep", "60"])
    seen = Process.this()._replace(pid=f"{child.pid}:{started(child.pid)}")
    assert seen.lives()
    child.kill()
    wait_for(seen.is_gone)  # a zombie
    child.wait()


def started(pid: int) -> str:
    from vfe_lightning.tracking.process import _started

    return _started(str(pid))


def test_a_silent_session_elsewhere_is_over_and_a_renewed_one_is_not(client, clock, capsys):
    record = Record.start(BRIEF)
    assert record.lease
    living = Process.this()._replace(machine="another/1")
    client.log_param(record.run_id, "vfe.session.2", f"{living} token")
    record.lease.session = 2
    clock.living = [record.lease]
    with pytest.raises(Refused, match="is still running: process"):
        claim(client, record.run_id)
    assert "sign of life in 150 s" in capsys.readouterr().out
    assert clock.now <= 2 * sessions.PERIOD
    clock.living, began = [], clock.now
    assert claim(client, record.run_id) == 3
    assert clock.now - began >= sessions.MISSED * sessions.PERIOD
    died(client, record.run_id, machine="another/1")
    began = clock.now
    assert claim(client, record.run_id, take_over=True) == 5
    assert clock.now == began
    record.lease.release()


def test_a_run_of_a_version_without_leases_goes_on(client):
    """Its host and process tell whether it lives; where they cannot, the user does."""
    record = Record.start(BRIEF)
    old = client.create_run(client.get_run(record.run_id).info.experiment_id, tags={"vfe.pid": "1:0"})
    run_id = old.info.run_id
    client.set_tag(run_id, "vfe.host", "elsewhere")
    with pytest.raises(Refused, match="--take_over goes on at once"):
        claim(client, run_id)
    client.set_tag(run_id, "vfe.host", Process.this().host)
    assert claim(client, run_id) == 1


def test_a_session_that_lost_its_run_writes_no_more(client, impatient):
    """As after a long stop of the process, or a network that was cut."""
    record = Record.start(BRIEF)
    record.metrics([(1, 1000, {"train/free_energy": 1.0})])
    other = Record.claim(client, client.get_run(record.run_id))
    record.lease.renewed = float("-inf")
    with pytest.raises(TakenOver, match="taken over by another process"):
        record.metrics([(2, 2000, {"train/free_energy": 2.0})])
    with pytest.raises(TakenOver):
        record.end("FAILED", "boom")
    assert history(client, record.run_id) == {"train/free_energy": [(1, 1.0)]}
    run = client.get_run(record.run_id)
    assert run.info.status == "RUNNING" and "vfe.error" not in run.data.tags
    other.end("FINISHED")


def test_a_run_that_lives_is_running_again_after_it_was_marked_as_dead(client, impatient):
    record = Record.start(BRIEF)
    assert marked(client, client.get_run(record.run_id))
    wait_for(lambda: client.get_run(record.run_id).info.status == "RUNNING")
    record.end("FINISHED")
    time.sleep(0.3)
    run = client.get_run(record.run_id)
    assert run.info.status == "FINISHED" and "vfe.error" not in run.data.tags


def test_sweep_watches_runs_of_other_machines(client, clock, run_command):
    silent, renewed = Record.start(BRIEF), Record.start(BRIEF)
    for number, record in enumerate((silent, renewed)):
        died(client, record.run_id, machine=f"another/{number}")
    renewed.lease.session = 2
    clock.living = [renewed.lease]
    code, out, _ = run_command("sweep")
    assert code == 0 and silent.run_id[:8] in out and renewed.run_id[:8] not in out
    assert clock.now > sessions.MISSED * sessions.PERIOD
    for record in (silent, renewed):
        record.lease.release()


@pytest.mark.parametrize("given", ["abc", "0", "-1", "nan", "inf"])
def test_a_period_is_a_number_of_seconds(home, monkeypatch, given):
    monkeypatch.setenv("VFE_LEASE", given)
    with pytest.raises(Refused, match=f"VFE_LEASE = {given} is not allowed"):
        BRIEF.run()
