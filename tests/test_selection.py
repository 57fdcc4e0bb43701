"""Which parameters are quoted: through real runs of the toy, whose F is known at any width."""

import json
import math
from pathlib import Path

import pytest
import torch
from judging import agrees
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
    """Adam's first step is its learning rate: far from the width of the start, which is near the best one."""
    wild = toy.vary(**QUIET, **{"optimizer.learning_rate": 3.0, "trainer.max_steps": 1}).run()
    assert wild.parameters == "start" and wild.alarms and set(wild.alarms) == {"not_below_start"}
    kept = torch.load(folder(client, wild.run_id) / "checkpoints" / QUOTED, weights_only=True)
    assert kept["parameters"] == "start"
    exact = free_energy(math.exp(kept["state_dict"]["model.log_width"]))
    assert agrees(wild.free_energy, wild.free_energy_error, exact, samples=64)
    tags = client.get_run(wild.run_id).data.tags
    assert tags["vfe.alarms"] == "not_below_start" and tags["vfe.parameters"] == "start"
    assert "ALARM not_below_start" in tags["mlflow.note.content"]


def test_what_is_quoted_is_kept(client):
    result = toy.vary(**QUIET, **{"trainer.max_steps": 40}).run()
    assert set(result.candidates) == {"mean", "last", "start"}
    kept = torch.load(folder(client, result.run_id) / "checkpoints" / QUOTED, weights_only=True)
    assert kept["parameters"] == result.parameters
    exact = free_energy(math.exp(kept["state_dict"]["model.log_width"]))
    assert agrees(result.free_energy, result.free_energy_error, exact, samples=64)


def test_several_passes_evaluate_all_samples(client):
    """At the same width; a sixteenth of the samples would have four times the error."""
    still = {"optimizer.learning_rate": 1e-12, "trainer.max_steps": 1, "trainer.evaluation_batches": 8}
    one, many = (toy.vary(**QUIET, **still, **{"trainer.accumulate": passes}).run() for passes in (1, 16))
    assert 0.5 < many.free_energy_error / one.free_energy_error < 2


def test_json_of_a_failed_run_has_what_was_measured(client, break_at, tmp_path):
    break_at("error:13:0")
    path = tmp_path / "found.json"
    with pytest.raises(RuntimeError, match="boom"):
        toy.vary(**QUIET).run(json=path)
    found = json.loads(path.read_text())
    assert found["status"] == "FAILED" and math.isfinite(found["free_energy"])
    assert found["observables"]["potential"]["units"] == "hbar omega"
