r"""PixelCNN of spins on a square grid, $p(s) = \prod_i p(s_i | s_1 \dots s_{i-1})$ in raster order.

van den Oord, Kalchbrenner & Kavukcuoglu, ICML (2016); of spins, Wu, Wang & Zhang, PRL 122, 080602
(2019). The features of earlier pixels are kept while sampling, as for MADE.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, silu

from vfe_lightning.generative.masked_convolution import MaskedConvolution
from vfe_lightning.generative.model import GenerativeModel

FIRST_LOGITS = 0.01  # training starts near infinite temperature


class PixelCNN(GenerativeModel):
    """Spins +-1 from masked convolutions with a bias for each site and residual connections.

    Args:
        L: rows and columns.
        depth: convolutions, at least 2.
        width: channels.
        reach: rows and columns that a convolution sees: kernels are 2 reach + 1 wide.
    """

    def __init__(self, L: int, depth: int, width: int, reach: int) -> None:
        super().__init__()
        self.L, self.reach = L, reach
        channels = [1, *[width] * (depth - 1), 1]
        self.layers = nn.ModuleList(
            MaskedConvolution(
                L, channels[i], channels[i + 1], reach, strict=i == 0,
                gain=FIRST_LOGITS if i == depth - 1 else 1.0,
            )
            for i in range(depth)
        )  # fmt: skip

    def log_prob(self, x: Tensor) -> Tensor:
        return logsigmoid(x.mT * self._forward(x)[-1][1].flatten(0, 2)).sum(dim=0)

    def _forward(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Inputs and outputs of every layer, (L, L, channels, batch); the last are the logits of s = 1."""
        h = x.mT.reshape(self.L, self.L, 1, len(x))
        passed: list[tuple[Tensor, Tensor]] = []
        for layer in self.layers:
            if passed:
                h = _activated(*passed[-1])
            passed.append((h, layer(h)))
        return passed

    def scores(self, x: Tensor) -> Tensor:
        """d ln p / d parameters, in the order of `parameters()`: (batch, sites) -> (batch, parameters)."""
        with torch.inference_mode(False), torch.enable_grad():
            passed = self._forward(x.clone())
            log_prob = logsigmoid(x.mT * passed[-1][1].flatten(0, 2)).sum()
            slopes = torch.autograd.grad(log_prob, [y for _, y in passed])
        with torch.no_grad():
            columns = [
                part
                for layer, (h, _), slope in zip(self.layers, passed, slopes, strict=True)
                for part in layer.scores(h, slope)  # pyright: ignore[reportCallIssue]
            ]
            return torch.cat(columns, dim=1)

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent samples: (n_samples, L^2)."""
        L, k = self.L, self.reach
        layers: list[MaskedConvolution] = list(self.layers)  # pyright: ignore[reportAssignmentType]
        chance = layers[0].bias.new_empty(L, L, n_samples).uniform_(generator=generator)
        fields = [chance.new_zeros(L + k, L + 2 * k, layer.n_in, n_samples) for layer in layers]
        for r in range(L):
            # What the finished rows contribute to this row, in a few products a layer.
            settled = [
                layer.rows_above(field[r : r + k], r) for layer, field in zip(layers, fields, strict=True)
            ]
            for c in range(L):
                y = chance[r, c]
                for i, (layer, field) in enumerate(zip(layers, fields, strict=True)):
                    taps = layer.left.shape[1] // layer.n_in
                    y = torch.addmm(settled[i][c], layer.left, field[r + k, c : c + taps].flatten(0, 1))
                    if i + 1 < len(layers):
                        fields[i + 1][r + k, c + k] = _activated(field[r + k, c + k], y)
                fields[0][r + k, c + k, 0] = torch.where(chance[r, c] < y[0].sigmoid(), 1.0, -1.0)
        return fields[0][k:, k : k + L, 0].flatten(0, 1).mT.contiguous()


def _activated(h: Tensor, y: Tensor) -> Tensor:
    """The inputs of the next layer: residual where the channels are as many."""
    return silu(y) + h if h.shape[-2] == y.shape[-2] else silu(y)
