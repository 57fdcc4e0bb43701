"""The averaged parameters: closed forms, and that a run evaluates them."""

import math
from pathlib import Path

import pytest
import torch
from torch.optim.swa_utils import AveragedModel
from toy import toy

from vfe_lightning.averaging import Averaging
from vfe_lightning.tracking.checkpoints import checkpoints_in


def averaged(share: float, series: list[float]) -> float:
    model = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    average = AveragedModel(model, avg_fn=Averaging(share)._kwargs["avg_fn"])
    for value in series:
        torch.nn.init.constant_(model.weight, value)
        average.update_parameters(model)
    return average.module.weight.item()


SERIES = torch.rand(400, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.25])
def test_weights_grow_as_a_power_of_the_step(share):
    """Shamir & Zhang (2013): the weight of step k is (k + eta choose eta) with eta = 1 / share - 1."""
    eta = round(1 / share) - 1
    steps = torch.arange(1, len(SERIES) + 1, dtype=torch.float64)
    weight = torch.ones_like(steps)
    for m in range(eta):
        weight = weight * (steps + m)
    assert averaged(share, SERIES.tolist()) == pytest.approx(
        float((weight * SERIES).sum() / weight.sum()), rel=1e-12
    )


def test_a_run_evaluates_the_average(client):
    """Both runs draw the same z, so that <x^2> tells the widths that were evaluated."""
    quiet = {"trainer.progress_bar": False}
    runs = {share: toy.vary(**quiet, **{"trainer.average": share}).run() for share in (0.0, 0.25)}
    states = {}
    for share, result in runs.items():
        folder = Path(client.get_run(result.run_id).info.artifact_uri.removeprefix("file://"))
        states[share] = torch.load(checkpoints_in(folder / "checkpoints")[-1], weights_only=True)
    last = states[0.0]["state_dict"]["model.log_width"]
    assert torch.equal(last, states[0.25]["current_model_state"]["model.log_width"])  # the same training
    average = states[0.25]["state_dict"]["model.log_width"]
    square = {share: result.observables["square"]["value"] for share, result in runs.items()}
    assert average != last
    found = runs[0.25]
    quoted = {"mean": average, "last": last}[found.parameters]  # the lower one of both, on the same samples
    assert square[0.25] / square[0.0] == pytest.approx(math.exp(2 * (quoted - last)), rel=1e-12)
    assert found.candidates["mean"]["value"] != found.candidates["last"]["value"]
