"""Independent spins: the ansatz of naive mean field, with trainable magnetisations."""

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from vfe_lightning.generative.model import GenerativeModel

FIRST_LOGITS = 0.01


class BernoulliProduct(GenerativeModel):
    """p(s) = prod_i sigmoid(s_i logit_i), spins +-1."""

    def __init__(self, sites: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(FIRST_LOGITS * torch.randn(sites, dtype=torch.float64))

    def log_prob(self, x: Tensor) -> Tensor:
        return logsigmoid(x * self.logits).sum(dim=1)

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        chance = self.logits.new_empty(n_samples, len(self.logits)).uniform_(generator=generator)
        return torch.where(chance < self.logits.sigmoid(), 1.0, -1.0).to(self.logits.dtype)

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        """d ln p / d logits: (batch, sites) -> (batch, sites)."""
        return x * torch.sigmoid(-x * self.logits)
