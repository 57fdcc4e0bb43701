r"""PixelCNN of spins or colours on a grid in raster order, $p(s) = \prod_i p(s_i | s_1 \dots s_{i-1})$.

van den Oord, Kalchbrenner & Kavukcuoglu, ICML (2016); of spins, Wu, Wang & Zhang, PRL 122, 080602
(2019). The features of earlier pixels are kept while sampling, as for MADE.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from vfe_lightning import declarations
from vfe_lightning.generative import autoregressive
from vfe_lightning.generative.masked_convolution import MaskedConvolution
from vfe_lightning.generative.model import GenerativeModel
from vfe_lightning.generative.symbols import SPINS, Symbols

FIRST_LOGITS = 0.01  # training starts near infinite temperature


class PixelCNN(GenerativeModel):
    """Spins from masked convolutions with a bias for each site and residual connections.

    Kernels are 2 reach + 1 wide. Parameters and ln p are in float64 whatever the precision of the arithmetic.

    Args:
        L: rows and columns.
        symbols: what a site holds.
    """

    def __init__(self, d: declarations.PixelCNN, L: int, symbols: Symbols = SPINS) -> None:
        super().__init__()
        self.L, self.precision, self.symbols = L, autoregressive.PRECISIONS[d.precision], symbols
        self.reach = reach = min(d.reach, L - 1)  # what lies farther is outside of the lattice
        channels = [symbols.features, *[d.width] * (d.depth - 1), symbols.logits]
        self.layers = nn.ModuleList(
            MaskedConvolution(
                L, channels[i], channels[i + 1], reach, strict=i == 0,
                gain=FIRST_LOGITS if i == d.depth - 1 else 1.0,
            )
            for i in range(d.depth)
        )  # fmt: skip

    @property
    def _layers(self) -> list[MaskedConvolution]:
        return cast(list[MaskedConvolution], list(self.layers))

    def log_prob(self, x: Tensor) -> Tensor:
        return autoregressive.log_prob(self._forward(x), x, self.symbols)

    def _forward(self, x: Tensor) -> autoregressive.Passed:
        """Inputs and outputs of every layer, (L, L, channels, batch); the last are the logits."""
        h = self.symbols.encode(x.mT.reshape(self.L, self.L, len(x))).to(self.precision)
        passed: autoregressive.Passed = []
        for layer in self.layers:
            if passed:
                h = _activated(*passed[-1], residual=len(passed) > 1)
            passed.append((h, layer(h)))
        return passed

    def scores(self, x: Tensor) -> Tensor:
        """d ln p / d parameters, in the order of `parameters()`: (batch, sites) -> (batch, parameters)."""
        return autoregressive.scores(self._layers, self._forward, x, self.symbols)

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent samples: (n_samples, L^2)."""
        L, k = self.L, self.reach
        layers, symbols = self._layers, self.symbols
        chance = layers[0].bias.new_empty(L, L, n_samples).uniform_(generator=generator)
        x = torch.empty_like(chance)
        left = [layer.left.to(self.precision) for layer in layers]
        fields = [
            w.new_zeros(L + k, L + 2 * k, layer.n_in, n_samples)
            for w, layer in zip(left, layers, strict=True)
        ]
        for r in range(L):
            # What the finished rows contribute to this row, in a few products a layer.
            settled = [
                layer.rows_above(field[r : r + k], r) for layer, field in zip(layers, fields, strict=True)
            ]
            for c in range(L):
                y = fields[0]
                for i, (w, field) in enumerate(zip(left, fields, strict=True)):
                    taps = w.shape[1] // field.shape[2]
                    y = torch.addmm(settled[i][c], w, field[r + k, c : c + taps].flatten(0, 1))
                    if i + 1 < len(layers):
                        fields[i + 1][r + k, c + k] = _activated(field[r + k, c + k], y, residual=i > 0)
                x[r, c] = symbols.draw(y, chance[r, c])
                fields[0][r + k, c + k] = symbols.encode(x[r, c])
        return x.flatten(0, 1).mT


def _activated(h: Tensor, y: Tensor, residual: bool) -> Tensor:
    """The inputs of the next layer. A residual of the first would show each spin to its own logit."""
    return silu(y) + h if residual else silu(y)
