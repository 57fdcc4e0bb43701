"""What networks share that give p(s_i | earlier sites) for all sites at once, layer by layer."""

from collections.abc import Callable, Iterable
from typing import Protocol

import torch
from torch import Tensor

from vfe_lightning.generative.symbols import Symbols

PRECISIONS = {"double": torch.float64, "single": torch.float32}
Passed = list[tuple[Tensor, Tensor]]  # inputs and outputs of every layer; the samples are the last axis


class ScoredLayer(Protocol):
    """A linear layer that knows its own per-sample derivatives."""

    def scores(self, x: Tensor, slope: Tensor) -> list[Tensor]:
        """Inputs x and d ln p / d outputs -> d ln p / d parameters of each sample, (batch, parameters)."""
        ...


def log_prob(passed: Passed, x: Tensor, symbols: Symbols) -> Tensor:
    """ln p from the logits, the outputs of the last layer: (batch, sites) -> (batch,)."""
    return symbols.log_prob(x.mT, passed[-1][1].reshape(x.shape[1], symbols.logits, len(x)))


def scores(
    layers: Iterable[ScoredLayer], forward: Callable[[Tensor], Passed], x: Tensor, symbols: Symbols
) -> Tensor:
    """d ln p / d parameters, in the order of the layers: (batch, sites) -> (batch, parameters)."""
    with torch.inference_mode(False), torch.enable_grad():
        passed = forward(x.clone())
        slopes = torch.autograd.grad(log_prob(passed, x.clone(), symbols).sum(), [y for _, y in passed])
    with torch.no_grad():
        columns = [
            part
            for layer, (h, _), slope in zip(layers, passed, slopes, strict=True)
            for part in layer.scores(h.double(), slope.double())
        ]
        return torch.cat(columns, dim=1)
