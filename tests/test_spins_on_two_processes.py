"""Gradients and importance sampling of spins over two processes are those of one with all samples."""

import pytest
import torch
from torch import Tensor
from two_ranks import on_two_ranks

from vfe_lightning import declarations, reductions
from vfe_lightning.estimators.gradients import gradient_and_variance
from vfe_lightning.evaluation import Evaluation

BATCH = 24
BASELINES = ("leave_one_out", "past_average", "var_grad")


def share(x: Tensor) -> Tensor:
    return x.chunk(reductions.world_size())[reductions.rank()]


def measured() -> dict[str, Tensor]:
    """Of one batch that the ranks share; the past average has seen another one before."""
    results: dict[str, Tensor] = {}
    for kind in BASELINES:
        torch.manual_seed(0)
        system = declarations.SherringtonKirkpatrick(
            n=5, beta=1.0, gradient={"kind": kind}, annealing={"kind": "none"}
        ).build()
        system.generator = torch.Generator()
        x = system.model.sample(2 * BATCH, torch.Generator().manual_seed(1))
        for batch in x.split(BATCH):
            system.model.sample = lambda n, generator, batch=batch: share(batch)
            estimate = system.estimate(BATCH // reductions.world_size())
            results[kind], _ = gradient_and_variance(estimate.factors[0])
        results["heat_capacity"] = reductions.mean(estimate.observables["heat_capacity"])
    evaluation = Evaluation(system.reporting)
    evaluation.add(estimate)
    importance = evaluation.importance()
    assert importance is not None
    results["importance"] = importance.free_energy(1.0).mean
    results["effective"] = importance.effective_sample_size.mean
    inverse = declarations.InverseIsing(n=5, beta=1.0).build()
    inverse.generator = torch.Generator()
    drawn = x[:BATCH].clone()
    inverse.model.sample = lambda n, generator: share(drawn)
    factor = next(f for f in inverse.estimate(1).factors if f.name == "couplings")
    results["couplings"], _ = gradient_and_variance(factor)
    return results


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> list[dict[str, Tensor]]:
    return on_two_ranks(measured, tmp_path_factory.mktemp("spins"))


def test_two_processes_measure_what_one_does(ranks):
    alone = measured()
    assert alone.keys() == ranks[0].keys()
    for name, value in alone.items():
        for found in ranks:
            torch.testing.assert_close(found[name], value, rtol=1e-11, atol=1e-13, msg=name)
