"""What only decorates a run may fail: it is FINISHED, its numbers are there, and the failure is told."""

import json
from pathlib import Path

import pytest
import toy_system
from toy import toy

from vfe_lightning.errors import Interrupted, NotKnown
from vfe_lightning.failures import Failures

QUIET = {"trainer.progress_bar": False}


def broken(*_):
    raise ValueError("axis limits\ncannot be infinite")


class Unpaintable:
    def savefig(self, *_, **__):
        broken()


def profiles_that_fail(estimate):
    return lambda system, n: _with_profiles(estimate(system, n))


def _with_profiles(estimate):
    estimate.profiles["bad"] = broken
    return estimate


@pytest.mark.parametrize(
    ("method", "fails", "what"),
    [
        ("reference", broken, "reference"),
        ("landmarks", broken, "landmarks"),
        ("figures", broken, "figures"),
        ("figures", lambda _: {"bad": Unpaintable()}, "figure bad"),
        ("derived", broken, "derived numbers"),
        ("alarms", broken, "watch"),
        ("estimate", profiles_that_fail(toy_system.ToySystem.estimate), "profile bad"),
    ],
)
def test_a_failing_decoration_is_told(client, monkeypatch, tmp_path, method, fails, what):
    sound = toy.vary(**QUIET).run()
    monkeypatch.setattr(toy_system.ToySystem, method, fails)
    path = tmp_path / "found.json"
    result = toy.vary(**QUIET).run(json=path)
    found = json.loads(path.read_text())
    assert found["status"] == result.status == "FINISHED"
    assert found["failures"] == result.failures == {what: "ValueError: axis limits cannot be infinite"}
    assert (found["free_energy"], found["energy"]) == (sound.free_energy, sound.energy)
    run = client.get_run(result.run_id)
    assert run.info.status == "FINISHED" and run.data.tags["vfe.failures"] == what
    assert f"failed: {what}" in run.data.tags["mlflow.note.content"]
    files = Path(run.info.artifact_uri.removeprefix("file://"))
    assert "axis limits" in (files / "failures" / f"{what.replace(' ', '_')}.txt").read_text()
    assert (files / "profiles.json").exists() and "failed" in (files / "results.txt").read_text()


def test_an_unknown_reference_has_a_reason(client, monkeypatch):
    def unknown(*_):
        raise NotKnown("n = 7: too many")

    monkeypatch.setattr(toy_system.ToySystem, "reference", unknown)
    result = toy.vary(**QUIET).run()
    assert result.no_reference == "n = 7: too many" and result.excess is None and result.failures is None
    assert "no exact value: n = 7" in client.get_run(result.run_id).data.tags["mlflow.note.content"]


def test_a_reference_is_refined_or_dropped(client, monkeypatch):
    asked = []

    def coarse(self, tolerance=float("inf")):
        asked.append(tolerance)
        if tolerance < 1e-6:
            raise NotKnown("no better than 1e-6")
        error = min(tolerance, 1.0)
        return toy_system.Reference(-0.3, free_energy_error=error)

    monkeypatch.setattr(toy_system.ToySystem, "reference", coarse)
    result = toy.vary(**QUIET).run()
    assert asked[1:] == [pytest.approx(0.1 * result.free_energy_error)]
    assert result.reference_free_energy_error == pytest.approx(0.1 * result.free_energy_error)


def test_signals_are_no_failures():
    def stopped():
        raise Interrupted(15)

    with pytest.raises(Interrupted):
        Failures().attempt("figures", stopped)
