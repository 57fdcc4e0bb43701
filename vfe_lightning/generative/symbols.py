"""What a site of an autoregressive network holds: a spin, or one of q colours."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


class Symbols(ABC):
    """Values of a site as numbers in float64, as features of a network, and from its logits.

    Attributes:
        features: inputs that stand for one value.
        logits: outputs that give the probabilities of one site.
    """

    features: int
    logits: int

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Features of order one of each value: (..., batch) -> (..., features, batch)."""

    @abstractmethod
    def log_prob(self, x: Tensor, logits: Tensor) -> Tensor:
        """ln p of all values, normalised exactly: (sites, batch), (sites, logits, batch) -> (batch,)."""

    @abstractmethod
    def draw(self, logits: Tensor, chance: Tensor) -> Tensor:
        """Values from uniform numbers in [0, 1): (logits, batch), (batch,) -> (batch,)."""


class Spins(Symbols):
    """+-1 with p(1) = sigmoid(logit)."""

    features = logits = 1

    def encode(self, x: Tensor) -> Tensor:
        return x[..., None, :]

    def log_prob(self, x: Tensor, logits: Tensor) -> Tensor:
        return logsigmoid(x * logits[:, 0]).sum(dim=0)  # ln(1 - p) is the log-sigmoid of minus the logit

    def draw(self, logits: Tensor, chance: Tensor) -> Tensor:
        return torch.where(chance < logits[0].sigmoid(), 1.0, -1.0)


class Colours(Symbols):
    """0 ... q - 1 with p = softmax(logits); the features of a colour are a corner of a simplex."""

    def __init__(self, q: int) -> None:
        self.features = self.logits = q

    def encode(self, x: Tensor) -> Tensor:
        colours = torch.arange(self.features, device=x.device)[:, None]
        return ((x[..., None, :] == colours).to(x.dtype) - 1 / self.features) * self.features**0.5

    def log_prob(self, x: Tensor, logits: Tensor) -> Tensor:
        return logits.double().log_softmax(dim=1).gather(1, x.long()[:, None]).sum(dim=(0, 1))

    def draw(self, logits: Tensor, chance: Tensor) -> Tensor:
        below = logits.double().softmax(dim=0).cumsum(dim=0)[:-1]
        return (chance >= below).sum(dim=0).to(chance.dtype)


SPINS = Spins()
