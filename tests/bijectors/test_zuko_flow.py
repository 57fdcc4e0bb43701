"""Flows of zuko as bijectors."""

import pytest
import torch

from vfe_lightning.bijectors.zuko_flow import ZukoFlow
from vfe_lightning.estimators.pathwise import by_path
from vfe_lightning.generative.reparameterized import NormalizingFlow

flows = pytest.importorskip("zuko").flows


@pytest.mark.parametrize("make", [lambda: flows.NSF(4, transforms=2), lambda: flows.NICE(4)])
def test_a_zuko_flow_is_a_bijector(make):
    torch.manual_seed(0)
    bijector = ZukoFlow(make())
    z = torch.randn(5, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x, log_det = bijector(z)
    back, other = bijector.inverse(x)
    torch.testing.assert_close(back, z, atol=1e-8, rtol=0)
    torch.testing.assert_close(other, -log_det, atol=1e-8, rtol=0)
    jacobian = torch.stack([torch.func.jacrev(lambda y: bijector(y[None])[0][0])(one) for one in z])
    torch.testing.assert_close(log_det, torch.linalg.slogdet(jacobian.view(5, 4, 4))[1], atol=1e-8, rtol=0)


def test_it_is_trained_as_any_flow():
    model = NormalizingFlow(ZukoFlow(flows.NICE(2)), (2,))
    x, estimate = by_path(model, lambda y: y.square().sum(dim=1), 8, 1.0, torch.Generator().manual_seed(0))
    factor = estimate.factors[0]
    assert x.dtype == torch.float64 and factor.pullback is not None
    assert factor.pullback(torch.full((8,), 1 / 8, dtype=torch.float64)).abs().max() > 0
