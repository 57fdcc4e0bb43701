r"""Masked autoencoder of spins or colours, $p(s) = \prod_i p(s_i | s_1 \dots s_{i-1})$ in raster order.

Germain et al., ICML (2015); of spins, Wu, Wang & Zhang, PRL 122, 080602 (2019), who call the network
once for each site. Here the features of the sites before are kept, and one sample costs about as much as
one evaluation of ln p.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from vfe_lightning import declarations
from vfe_lightning.generative import autoregressive
from vfe_lightning.generative.block_triangular import BlockTriangular
from vfe_lightning.generative.model import GenerativeModel
from vfe_lightning.generative.symbols import SPINS, Symbols

SITES_AT_ONCE = 16
FIRST_LOGITS = 0.01  # training starts near infinite temperature


class MADE(GenerativeModel):
    """Spins from a dense network with `d.width` features for each site in each hidden layer.

    Depth 1 is logistic regression on the earlier spins; without a bias it is even in s. Parameters and ln p
    are in float64 whatever the precision of the arithmetic.

    Args:
        symbols: what a site holds.
    """

    def __init__(self, d: declarations.MADE, sites: int, symbols: Symbols = SPINS) -> None:
        super().__init__()
        self.sites, self.precision, self.symbols = sites, autoregressive.PRECISIONS[d.precision], symbols
        features = [symbols.features, *[d.width] * (d.depth - 1), symbols.logits]
        self.layers = nn.ModuleList(
            BlockTriangular(
                sites, features[i], features[i + 1], strict=i == 0, bias=d.bias,
                gain=FIRST_LOGITS if i == d.depth - 1 else 1.0,
            )
            for i in range(d.depth)
        )  # fmt: skip

    @property
    def _layers(self) -> list[BlockTriangular]:
        return cast(list[BlockTriangular], list(self.layers))

    def log_prob(self, x: Tensor) -> Tensor:
        return autoregressive.log_prob(self._forward(x), x, self.symbols)

    def _forward(self, x: Tensor) -> autoregressive.Passed:
        """Inputs and outputs of every layer, (features, batch); the last outputs are the logits."""
        passed: autoregressive.Passed = []
        for layer in self.layers:
            h = silu(passed[-1][1]) if passed else self._encoded(x)
            passed.append((h, layer(h)))
        return passed

    def _encoded(self, x: Tensor) -> Tensor:
        return self.symbols.encode(x.mT).to(self.precision).flatten(0, 1).contiguous()

    def scores(self, x: Tensor) -> Tensor:
        """d ln p / d parameters, in the order of `parameters()`: (batch, sites) -> (batch, parameters)."""
        return autoregressive.scores(self._layers, self._forward, x, self.symbols)

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent samples: (n_samples, sites)."""
        layers, symbols = self._layers, self.symbols
        matrices = [layer.matrix().to(self.precision) for layer in layers]
        chance = layers[0].weight.new_empty(self.sites, n_samples).uniform_(generator=generator)
        x = torch.empty_like(chance)
        values = [
            h.new_zeros(self.sites * layer.n_in, n_samples) for h, layer in zip(matrices, layers, strict=True)
        ]
        for first in range(0, self.sites, SITES_AT_ONCE):
            last = min(first + SITES_AT_ONCE, self.sites)
            # What the finished sites contribute to this block of sites, in one product a layer.
            settled = [
                _affine(layer, w, h, slice(first * layer.n_out, last * layer.n_out), first * layer.n_in)
                for layer, w, h in zip(layers, matrices, values, strict=True)
            ]
            for site in range(first, last):
                y = values[0]
                for k, (layer, w, h) in enumerate(zip(layers, matrices, values, strict=True)):
                    rows = slice(site * layer.n_out, (site + 1) * layer.n_out)
                    near = slice(first * layer.n_in, (site + (not layer.strict)) * layer.n_in)
                    here = slice((site - first) * layer.n_out, (site - first + 1) * layer.n_out)
                    y = torch.addmm(settled[k][here], w[rows, near], h[near])
                    if k + 1 < len(layers):
                        values[k + 1][rows] = silu(y)
                x[site] = symbols.draw(y, chance[site])
                values[0][site * symbols.features : (site + 1) * symbols.features] = symbols.encode(x[site])
        return x.mT


def _affine(layer: BlockTriangular, w: Tensor, h: Tensor, rows: slice, columns: int) -> Tensor:
    y = w[rows, :columns] @ h[:columns]
    return y if layer.bias is None else y + layer.bias[rows, None].to(y)
