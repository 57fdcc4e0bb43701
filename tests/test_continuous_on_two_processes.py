"""Pathwise gradients and reweighting over two processes are those of one with all samples."""

from unittest import mock

import pytest
import torch
from noise import stirred
from test_spins_on_two_processes import share
from torch import Tensor
from two_ranks import on_two_ranks

from vfe_lightning import declarations, reductions
from vfe_lightning.estimators.gradients import Rows, gradient_and_variance
from vfe_lightning.evaluation import Evaluation
from vfe_lightning.generative.reparameterized import log_normal

BATCH = 24


def measured() -> dict[str, Tensor]:
    """Of one batch of latent variables that the ranks share."""
    results: dict[str, Tensor] = {}
    for kind in ("pathwise", "path_only"):
        torch.manual_seed(0)
        system = declarations.PhiFour(L=4, m2=-4.0, lam=8.0, gradient={"kind": kind}).build()
        system.generator = torch.Generator()
        z = torch.randn(BATCH, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

        def rsample(n_samples, generator, system=system, z=z):
            x, log_det = system.model.bijector(share(z))
            return x, log_normal(share(z)) - log_det

        system.model.rsample = rsample
        estimate = system.estimate(BATCH // reductions.world_size())
        results[kind], _ = gradient_and_variance(estimate.factors[0])
    results["heat_capacity"] = reductions.mean(estimate.observables["heat_capacity"])
    evaluation = Evaluation(system.reporting)
    evaluation.add(estimate)
    for name, moments in evaluation.in_the_gibbs_state().items():
        results[name], results[f"{name}_error"] = moments.mean, moments.error
    results["gradient of the plasma"], results["its Fisher matrix"] = of_the_plasma()
    return {name: value.detach() for name, value in results.items()}


def of_the_plasma() -> tuple[Tensor, Tensor]:
    """The gradient along the path, and the metric of scores, of positions that the ranks share."""
    torch.manual_seed(0)
    flow = {"layers": 2, "width": 4, "messages": 1}
    system = declarations.OneComponentPlasma(n=3, gamma=5.0, flow=flow).build()
    stirred(system.model, 0.1)
    z = torch.rand(BATCH, 3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with mock.patch.object(system.model.start, "sample", lambda n_samples, generator: share(z)):
        (factor,) = system.estimate(BATCH // reductions.world_size()).factors
        rows = Rows.of(factor)
    return rows.gradient(), reductions.total(rows.x.mT @ rows.x)


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> list[dict[str, Tensor]]:
    return on_two_ranks(measured, tmp_path_factory.mktemp("continuous"))


@pytest.mark.slow
def test_two_processes_measure_what_one_does(ranks):
    alone = measured()
    assert alone.keys() == ranks[0].keys() and "reweighted_two_point" in alone
    for name, value in alone.items():
        for found in ranks:
            torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-13, msg=name)
