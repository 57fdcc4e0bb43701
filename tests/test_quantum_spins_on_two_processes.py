"""Spins 1/2 over two processes: gradients, metrics, levels and error bars of one with all samples."""

import pytest
import torch
from spins import randomize
from torch import Tensor
from two_ranks import on_two_ranks

from vfe_lightning import declarations, reductions
from vfe_lightning.estimators.gradients import gradient_and_variance

BATCH = 24


def measured() -> dict[str, Tensor]:
    results: dict[str, Tensor] = {}
    for network in ("made", "peierls"):
        torch.manual_seed(0)
        kinds = {"network": {"kind": network}, "annealing": {"kind": "none"}}
        system = declarations.TransverseIsing(nx=1, ny=3, depth=2, **kinds).build()  # pyright: ignore
        randomize(system, scale=0.3)
        system.prepare(lambda s: s, BATCH, seed=0)
        x = system.model.sample(BATCH, torch.Generator().manual_seed(1))
        system.model.sample = lambda n, generator, x=x: x.chunk(reductions.world_size())[reductions.rank()]
        system.generator = torch.Generator()
        for factor in system.estimate(BATCH // reductions.world_size()).factors:
            results[f"{network} {factor.name}"], _ = gradient_and_variance(factor)
        system.eval()
        system.on_validation_epoch_start()
        system.validation_step(0, 0)
        system.on_validation_epoch_end()
        for name, moments in system.evaluation.items():
            results[f"{network} {name}"] = torch.stack([moments.mean, moments.error]).nan_to_num()
    return results


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> list[dict[str, Tensor]]:
    return on_two_ranks(measured, tmp_path_factory.mktemp("quantum_spins"))


@pytest.mark.slow
def test_two_processes_measure_what_one_does(ranks):
    alone = measured()
    assert alone.keys() == ranks[0].keys() and "made level_0" in alone
    per_rank = {name for name in alone if "effective_sample_size" in name}  # of the samples of one pass
    for name in alone.keys() - per_rank:
        for found in ranks:
            torch.testing.assert_close(found[name], alone[name], rtol=1e-11, atol=1e-12, msg=name)
