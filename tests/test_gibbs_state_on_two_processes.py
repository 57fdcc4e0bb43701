"""Populations on two processes: each has its own, all have one pilot, and both say the same of all."""

import pytest
import torch
from torch import Tensor
from two_ranks import on_two_ranks

from vfe_lightning import declarations, reductions
from vfe_lightning.finishing import finish
from vfe_lightning.samplers.sequential_monte_carlo import at_the_foot
from vfe_lightning.streams import make_generator

POPULATIONS = 10


def measured() -> dict[str, Tensor]:
    torch.manual_seed(0)
    system = declarations.SherringtonKirkpatrick(n=5, beta=1.0, annealing={"kind": "none"}).build()
    system.batch_size = 64
    wanted = declarations.SequentialMonteCarlo(populations=POPULATIONS, walkers=8, steps=2, settling=2)
    crossing = system.crossing()
    generator = make_generator(torch.device("cpu"), 3, "populations")
    own = at_the_foot(crossing.bridge, [], 2, 4, generator).populations.walkers.x
    with torch.no_grad():
        state = finish(crossing, wanted, 3, torch.device("cpu"))
    numbers = {name: m.mean for name, m in state.numbers(system.reporting).items() if name != "smc_seconds"}
    return {
        **numbers,
        "log_z": state.log_z,
        "energies": state.series["action"].means,
        "own": own,
        "ranks": torch.tensor(reductions.world_size()),
    }


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> list[dict[str, Tensor]]:
    return on_two_ranks(measured, tmp_path_factory.mktemp("populations"))


def test_both_say_the_same_of_populations_that_differ(ranks):
    first, second = ranks
    assert first["ranks"] == 2 and not torch.equal(first.pop("own"), second.pop("own"))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=0, atol=0, msg=name)
    assert first["log_z"].unique().numel() == POPULATIONS == first["energies"].shape[1]


def test_as_many_as_one_process_has(ranks):
    alone = measured()
    assert alone["log_z"].shape == ranks[0]["log_z"].shape
    assert (
        alone["smc_temperatures"] == ranks[0]["smc_temperatures"]
    )  # one pilot, whatever there are of processes
