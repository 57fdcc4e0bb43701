"""Any unconditional flow of zuko (`pip install zuko`), such as neural spline flows, as a bijector."""

from typing import Any

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.bijector import Bijector


class ZukoFlow(Bijector):
    """The transform of a zuko flow over all coordinates of a sample; compose it with `NormalizingFlow`.

    Args:
        flow: such as `zuko.flows.NSF(features)`; it is taken to float64. Its base is replaced by ours.
    """

    def __init__(self, flow: nn.Module) -> None:
        super().__init__()
        self.flow: Any = flow.to(torch.float64)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x, log_det = self.flow().transform.inv.call_and_ladj(z.flatten(1))
        return x.view(z.shape), log_det

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, log_det = self.flow().transform.call_and_ladj(x.flatten(1))
        return z.view(x.shape), log_det
