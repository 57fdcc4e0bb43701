"""Which parameters are quoted: through real runs of the toy, whose F is known at any width."""

import json
import math
from pathlib import Path

import pytest
import torch
from toy import toy

from vfe_lightning.selection import lowest
from vfe_lightning.statistics import Moments
from vfe_lightning.tracking.checkpoints import QUOTED

QUIET = {"trainer.progress_bar": False}


def number(value: float, error: float) -> Moments:
    return Moments.with_error(torch.tensor(value).double(), torch.tensor(error).double())


@pytest.mark.parametrize(
    ("found", "best"),
    [
        ({"mean": number(1.0, 0.1), "last": number(0.9, 0.1), "start": number(5.0, 0.1)}, "mean"),
        ({"mean": number(1.0, 0.1), "last": number(0.5, 0.1), "start": number(5.0, 0.1)}, "last"),
        ({"mean": number(1.0, 0.1), "last": number(0.5, 0.1), "start": number(0.0, 0.0)}, "start"),
        ({"mean": None, "last": number(0.5, 0.1), "start": number(0.5, 0.1)}, "last"),
        ({"mean": None, "last": None, "start": None}, "mean"),
    ],
)
def test_the_lowest_beyond_errors(found, best):
    assert lowest(found) == best


def folder(client, run_id: str) -> Path:
    return Path(client.get_run(run_id).info.artifact_uri.removeprefix("file://"))


def free_energy(width: float, temperature: float = 0.5) -> float:
    return width**2 / 2 - temperature * (math.log(width) + math.log(2 * math.pi * math.e) / 2)


def test_a_training_that_diverges_quotes_its_start(client):
    """Steps of 3 in ln width leave nothing of the start, which is within 0.4 of the best width."""
    wild = toy.vary(**QUIET, **{"optimizer.learning_rate": 3.0, "trainer.max_steps": 7}).run()
    assert wild.parameters == "start" and wild.alarms and set(wild.alarms) == {"not_below_start"}
    kept = torch.load(folder(client, wild.run_id) / "checkpoints" / QUOTED, weights_only=True)
    assert kept["parameters"] == "start"
    exact = free_energy(math.exp(kept["state_dict"]["model.log_width"]))
    assert abs(wild.free_energy - exact) < 6 * wild.free_energy_error
    tags = client.get_run(wild.run_id).data.tags
    assert tags["vfe.alarms"] == "not_below_start" and tags["vfe.parameters"] == "start"
    assert "ALARM not_below_start" in tags["mlflow.note.content"]


def test_what_is_quoted_is_kept(client):
    result = toy.vary(**QUIET, **{"trainer.max_steps": 40}).run()
    assert result.parameters in ("mean", "last") and set(result.candidates) == {"mean", "last", "start"}
    kept = torch.load(folder(client, result.run_id) / "checkpoints" / QUOTED, weights_only=True)
    exact = free_energy(math.exp(kept["state_dict"]["model.log_width"]))
    assert abs(result.free_energy - exact) < 6 * result.free_energy_error


def test_several_passes_evaluate_all_samples(client):
    one, four = (
        toy.vary(**QUIET, **{"trainer.accumulate": passes, "trainer.evaluation_batches": 8}).run()
        for passes in (1, 4)
    )
    assert four.free_energy_error == pytest.approx(one.free_energy_error, rel=1.0)  # not twice as large
    assert four.free_energy_error < 1.5 * one.free_energy_error


def test_json_of_a_failed_run_has_what_was_measured(client, break_at, tmp_path):
    break_at("error:13:0")
    path = tmp_path / "found.json"
    with pytest.raises(RuntimeError, match="boom"):
        toy.vary(**QUIET).run(json=path)
    found = json.loads(path.read_text())
    assert found["status"] == "FAILED" and math.isfinite(found["free_energy"])
    assert found["observables"]["potential"]["units"] == "hbar omega"
