"""A causal transformer over momenta, with cached keys and values for sampling.

The architecture of Xie, Zhang & Wang, SciPost Phys. 14, 154 (2023): tokens are momenta, tanh
activations, no layer norms. The last layer may start at zero, so that training starts at the
distribution whose logits are added to it.
"""

from typing import cast

import torch
from torch import Tensor, nn


class CausalTransformer(nn.Module):
    """Logits over `n_out` classes for each position, given the tokens before it.

    Prompted, the sequence begins with a token that is given, which every position sees; otherwise the logits
    of the first position are parameters.

    `forward` also takes parameters that carry a leading walker axis (one copy a walker), which
    gives per-sample gradients by one backward pass.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        layers: int,
        width: int,
        heads: int,
        hidden: int,
        prompted: bool = False,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.start = None if prompted else nn.Parameter(torch.zeros(n_out, dtype=torch.float64))
        self.embed = _linear(n_in, width)
        self.attend = nn.ModuleList(_linear(width, 3 * width) for _ in range(layers))
        self.project = nn.ModuleList(_linear(width, width) for _ in range(layers))
        self.widen = nn.ModuleList(_linear(width, hidden) for _ in range(layers))
        self.narrow = nn.ModuleList(_linear(hidden, width) for _ in range(layers))
        self.readout = _linear(width, n_out)
        nn.init.zeros_(self.readout.weight)
        nn.init.zeros_(self.readout.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, n, n_in) -> (batch, n, n_out); position i sees the tokens before i only.

        Prompted, n counts the tokens after the one that is given.
        """
        n = tokens.shape[1]
        if self.start is None:
            return _apply(self.readout, self._layers(tokens[:, :-1], [None] * len(self.attend))[0])
        start = self.start if self.start.ndim == 2 else self.start.expand(len(tokens), -1)
        hidden, _ = self._layers(tokens[:, :-1], [None] * len(self.attend))
        later = _apply(self.readout, hidden) if n > 1 else tokens.new_empty(len(tokens), 0, start.shape[-1])
        return torch.cat([start[:, None], later], dim=1)

    def step(self, token: Tensor | None, batch: int, cache: list) -> tuple[Tensor, list]:
        """Logits of the next position: the latest token (batch, n_in), None at first -> (batch, n_out)."""
        if token is None:
            assert self.start is not None, "the first token is to be given"
            return self.start.expand(batch, -1), [None] * len(self.attend)
        hidden, cache = self._layers(token[:, None], cache or [None] * len(self.attend))
        return _apply(self.readout, hidden)[:, 0], cache

    def _layers(self, tokens: Tensor, cache: list) -> tuple[Tensor, list]:
        h = torch.tanh(_apply(self.embed, tokens))
        caches = []
        for layer, past in enumerate(cache):
            query, key, value = (self._split(t) for t in _apply(self.attend[layer], h).chunk(3, dim=-1))
            if past is not None:
                key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
            caches.append((key, value))
            score = query @ key.mT / query.shape[-1] ** 0.5
            visible = torch.ones(score.shape[-2:], dtype=torch.bool, device=h.device)
            score = score.masked_fill(~visible.tril(score.shape[-1] - score.shape[-2]), -torch.inf)
            mixed = (score.softmax(dim=-1) @ value).transpose(1, 2).flatten(2)
            h = h + _apply(self.project[layer], mixed)
            h = h + _apply(self.narrow[layer], torch.tanh(_apply(self.widen[layer], h)))
        return torch.tanh(h), caches

    def _split(self, t: Tensor) -> Tensor:
        return t.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (batch, heads, n, width / heads)


def _linear(n_in: int, n_out: int) -> nn.Linear:
    return nn.Linear(n_in, n_out, dtype=torch.float64)


def _apply(layer: nn.Module, t: Tensor) -> Tensor:
    """A linear layer whose parameters may carry a leading walker axis: (batch, n, in) -> (batch, n, out)."""
    linear = cast(nn.Linear, layer)
    return t @ linear.weight.mT + linear.bias.unsqueeze(-2)
