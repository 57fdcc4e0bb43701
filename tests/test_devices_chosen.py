"""Which device a run takes where that is left open."""

import pytest
import torch
from contracts import small

from vfe_lightning import devices
from vfe_lightning.devices import Choice, Times, chosen, measured
from vfe_lightning.preparation import prepared


def choice(monkeypatch, gpus: int, name: str = "ising", rows: list[Times] | None = None, **changes) -> Choice:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    if rows is not None:
        monkeypatch.setattr(devices, "measured", lambda: rows)
    experiment = small(name, **changes)
    return chosen(experiment.trainer, prepared(experiment))


def test_without_a_gpu_there_is_nothing_to_choose(monkeypatch):
    assert choice(monkeypatch, 0) == Choice("cpu")


@pytest.mark.parametrize("accelerator", ["cpu", "gpu"])
def test_what_is_declared_is_taken(monkeypatch, accelerator):
    assert choice(monkeypatch, 1, **{"trainer.accelerator": accelerator}) == Choice(accelerator)


def test_the_faster_one_is_taken_and_why_is_said(monkeypatch):
    rows = [Times("Ising", 16, 8, cpu=1.0, gpu=10.0, gpu_larger=10.0)]
    here = choice(monkeypatch, 1, rows=rows)
    assert here.accelerator == "cpu" and "8 samples took 10 ms on a GPU and 1 ms on one core" in here.why
    assert choice(monkeypatch, 1, rows=rows, batch_size=800).accelerator == "gpu"


def test_the_nearest_size_counts(monkeypatch):
    rows = [Times("Ising", 10, 8, 1.0, 10.0, 10.0), Times("Ising", 256, 8, 100.0, 10.0, 10.0)]
    assert choice(monkeypatch, 1, rows=rows).accelerator == "cpu"
    assert choice(monkeypatch, 1, rows=rows, L=16).accelerator == "gpu"


def test_what_was_not_measured_and_more_processes_than_gpus_stay_on_the_cpu(monkeypatch):
    unknown = choice(monkeypatch, 1, rows=[])
    assert unknown.accelerator == "cpu" and "no step of Ising has been measured" in unknown.why
    several = choice(monkeypatch, 1, **{"trainer.devices": 2})
    assert several.accelerator == "cpu" and "2 processes, 1 GPU" in several.why


def test_the_measured_times_grow_with_the_batch():
    for times in measured():
        assert times.at(times.batch) == pytest.approx((times.cpu, times.gpu))
        cpu, gpu = times.at(16 * times.batch)
        assert cpu == pytest.approx(16 * times.cpu) and gpu == pytest.approx(max(times.gpu_larger, times.gpu))
