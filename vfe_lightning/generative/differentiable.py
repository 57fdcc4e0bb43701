"""Models of which only a sampler and ln p are written: their scores are by automatic differentiation."""

from abc import ABC
from typing import cast

import torch
from torch import Tensor

from vfe_lightning.generative.model import GenerativeModel


class DifferentiableModel(GenerativeModel, ABC):
    """`sample` and `log_prob` remain to be written, in terms of the samples and the parameters.

    `log_prob` is differentiated by torch.func, sample by sample; what that cannot do has `scores` of its own.
    Models with many parameters are better trained by Adam, which needs no scores.
    """

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        def one(values: tuple[Tensor, ...], s: Tensor) -> Tensor:
            named = dict(zip(names, values, strict=True))
            return cast(Tensor, torch.func.functional_call(_LogProb(self), named, (s[None],)))[0]

        names = [f"model.{name}" for name, _ in self.named_parameters()]
        slopes = torch.func.vmap(torch.func.grad(one), (None, 0))(tuple(self.parameters()), x)
        return torch.cat([slope.flatten(1) for slope in slopes], dim=1)


class _LogProb(torch.nn.Module):
    """ln p as what a module does when it is called."""

    def __init__(self, model: GenerativeModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model.log_prob(x)
