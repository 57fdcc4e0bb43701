"""Benchmarks time what a step of today does: each part of their smallest case runs."""

import importlib
from typing import Any

import pytest

SMALLEST = {"electron_gas": "13x2", "fields": "phi4_8", "hydrogen": "2", "spins": "made"}


@pytest.mark.parametrize("name", SMALLEST)
def test_every_part_of_a_step_runs(name: str) -> None:
    benchmark: Any = importlib.import_module(f"benchmarks.{name}")
    parts = benchmark.parts(benchmark.system_of(SMALLEST[name]))
    assert "whole step" in parts
    for run in parts.values():
        run()
