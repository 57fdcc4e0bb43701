"""The model of several GPUs counts what ranks really tell each other."""

import pytest

from benchmarks import scaling
from vfe_lightning import reductions

FORMS = [(16, "rows of scores"), pytest.param(1600, "Fisher matrices", marks=pytest.mark.slow)]


@pytest.mark.parametrize(("batch", "form"), FORMS)
def test_large_collectives_are_those_of_a_step(batch, form):
    system = scaling.system_of(3, batch)
    sent = scaling.in_a_step(system, 2).bytes
    large = scaling.large_ones(scaling.parameters(system), batch)
    rest = sent - large  # single numbers, and a few vectors of the parameters
    assert 0 < rest < 8 * 12 * sum(scaling.parameters(system)) + 8 * 500


def test_a_counter_changes_no_number():
    alone = scaling.system_of(3, 16)
    alone.training_step(0, 0)
    with scaling.counted(1) as counter:
        system = scaling.system_of(3, 16)
        system.training_step(0, 0)
    assert counter.calls == 0 and system.metrics == alone.metrics
    assert reductions.world_size() == 1
