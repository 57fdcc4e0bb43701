r"""Spins given other spins, $p(s | t) = \prod_i p(s_i | t, s_1 \dots s_{i-1})$ with $p(-s | -t) = p(s | t)$.

Each spin has a small network of its own, so that the features of a spin are computed once, whether ln p is
evaluated or the spins are drawn one after the other. No biases and odd activations: the logits are odd.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

FIRST_LOGITS = 0.01  # training starts near infinite temperature


class ConditionalSpins(nn.Module):
    """n spins +-1 given g others.

    Args:
        given: g.
        sites: n.
        depth: layers of weights, at least 2; the logits also have a part that is linear in the spins.
        width: features of a spin in each hidden layer.
    """

    index: Tensor  # of the stored entries of the first layer in its flattened matrix

    def __init__(self, given: int, sites: int, depth: int, width: int) -> None:
        super().__init__()
        self.given, self.sites, self.width = given, sites, width
        seen = torch.ones(sites, given + sites, dtype=torch.float64).tril(given - 1)
        scale = 2 / seen.sum(dim=1, keepdim=True).sqrt() * seen
        scale = torch.stack([*[scale] * width, FIRST_LOGITS * scale], dim=1).flatten()
        self.register_buffer("index", scale.nonzero()[:, 0], persistent=False)
        # width rows of features and one row of the linear part for each spin
        self.first = nn.Parameter(scale[self.index] * torch.randn(len(self.index), dtype=torch.float64))
        self.hidden = nn.ParameterList(
            2 / width**0.5 * torch.randn(sites, width, width, dtype=torch.float64) for _ in range(depth - 2)
        )
        self.last = nn.Parameter(FIRST_LOGITS * torch.randn(sites, 1, width, dtype=torch.float64))

    def matrix(self) -> Tensor:
        """The first layer with its zeros: (sites (width + 1), given + sites)."""
        shape = self.sites * (self.width + 1), self.given + self.sites
        return self.first.new_zeros(shape[0] * shape[1]).scatter(0, self.index, self.first).view(shape)

    def forward(self, given: Tensor, spins: Tensor) -> Tensor:
        """ln p of each column: (given, batch), (sites, batch) -> (batch,)."""
        y = (self.matrix() @ torch.cat([given, spins])).unflatten(0, (self.sites, self.width + 1))
        h = _odd(y[:, : self.width])
        for weight in self.hidden:
            h = _odd(weight @ h)
        logits = (self.last @ h)[:, 0] + y[:, self.width]
        return logsigmoid(spins * logits).sum(dim=0)

    @torch.no_grad()
    def sample(self, given: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One draw for each column: (given, batch) -> (sites, batch)."""
        chance = given.new_empty(self.sites, given.shape[1]).uniform_(generator=generator)
        matrix, spins = self.matrix(), torch.empty_like(chance)
        of_given = (matrix[:, : self.given] @ given).unflatten(0, (self.sites, -1))
        of_spins = matrix[:, self.given :].unflatten(0, (self.sites, -1))
        for i in range(self.sites):
            y = torch.addmm(of_given[i], of_spins[i, :, :i], spins[:i])
            h = _odd(y[: self.width])
            for weight in self.hidden:
                h = _odd(weight[i] @ h)
            logit = (self.last[i] @ h)[0] + y[self.width]
            spins[i] = 2.0 * (chance[i] < logit.sigmoid()) - 1
        return spins


def _odd(x: Tensor) -> Tensor:
    """tanh(x / 2): in float64 twice as fast as torch's own."""
    return 2 * x.sigmoid() - 1
