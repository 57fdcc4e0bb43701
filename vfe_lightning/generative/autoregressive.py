"""What networks share that give p(s_i = 1 | earlier spins) for all sites at once, layer by layer."""

from collections.abc import Callable, Iterable
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

Passed = list[tuple[Tensor, Tensor]]  # inputs and outputs of every layer; the samples are the last axis


class ScoredLayer(Protocol):
    """A linear layer that knows its own per-sample derivatives."""

    def scores(self, x: Tensor, slope: Tensor) -> list[Tensor]:
        """Inputs x and d ln p / d outputs -> d ln p / d parameters of each sample, (batch, parameters)."""
        ...


def log_prob(passed: Passed, x: Tensor) -> Tensor:
    """ln p of spins from their logits, the outputs of the last layer: (batch, sites) -> (batch,).

    Normalised exactly, since ln(1 - p) is the log-sigmoid of minus the logit.
    """
    return logsigmoid(x.mT * passed[-1][1].reshape(x.shape[1], len(x))).sum(dim=0)


def scores(layers: Iterable[ScoredLayer], forward: Callable[[Tensor], Passed], x: Tensor) -> Tensor:
    """d ln p / d parameters, in the order of the layers: (batch, sites) -> (batch, parameters)."""
    with torch.inference_mode(False), torch.enable_grad():
        passed = forward(x.clone())
        slopes = torch.autograd.grad(log_prob(passed, x.clone()).sum(), [y for _, y in passed])
    with torch.no_grad():
        columns = [
            part
            for layer, (h, _), slope in zip(layers, passed, slopes, strict=True)
            for part in layer.scores(h.double(), slope.double())
        ]
        return torch.cat(columns, dim=1)
