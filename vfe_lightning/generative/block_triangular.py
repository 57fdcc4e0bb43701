"""Linear maps between blocks of features of ordered sites: a site sees only sites that come before it.

Features are rows and samples are columns, so that the features of one site lie next to each other.
Products skip the blocks above the diagonal, about half of the work.
"""

import itertools
from typing import Any

import torch
from torch import Tensor, nn

SITES_AT_ONCE = 32


class BlockTriangular(nn.Module):
    """y_i = sum_{j <= i} W_ij x_j + b_i, j < i where `strict`; only these blocks are stored.

    Args:
        sites: blocks.
        n_in, n_out: features of a site.
        strict: a site does not see itself.
        gain: standard deviation of the first outputs for inputs of order one.
        bias: whether there is one.
    """

    index: Tensor  # of the stored entries in the flattened matrix

    def __init__(
        self, sites: int, n_in: int, n_out: int, *, strict: bool, gain: float = 1.0, bias: bool = True
    ) -> None:
        super().__init__()
        self.sites, self.n_in, self.n_out, self.strict = sites, n_in, n_out, strict
        order = torch.ones(sites, sites, dtype=torch.float64).tril(-1 if strict else 0)
        mask = order.repeat_interleave(n_out, 0).repeat_interleave(n_in, 1)
        self.register_buffer("index", mask.flatten().nonzero()[:, 0], persistent=False)
        seen = mask.sum(dim=1, keepdim=True).clamp(min=1)
        scale = (gain * mask / seen.sqrt()).flatten()[self.index]
        self.weight = nn.Parameter(scale * torch.randn(len(self.index), dtype=torch.float64))
        self.bias = nn.Parameter(torch.zeros(sites * n_out, dtype=torch.float64)) if bias else None

    def matrix(self) -> Tensor:
        """W with its zeros: (sites n_out, sites n_in)."""
        shape = self.sites * self.n_out, self.sites * self.n_in
        return self.weight.new_zeros(shape[0] * shape[1]).scatter(0, self.index, self.weight).view(shape)

    def forward(self, x: Tensor) -> Tensor:
        """(sites n_in, batch) -> (sites n_out, batch), in the precision of x."""
        bias = x.new_zeros(self.sites * self.n_out) if self.bias is None else self.bias.to(x)
        return _Product.apply(self.matrix().to(x), x, bias, self.n_out, self.n_in)

    def scores(self, x: Tensor, slope: Tensor) -> list[Tensor]:
        """d ln p / d parameters of each sample from its inputs and d ln p / d outputs, (features, batch).

        Returns:
            (batch, parameters) of the weight and, where there is one, of the bias.
        """
        row, column = self.index // x.shape[0], self.index % x.shape[0]
        of_weight = slope.mT[:, row] * x.mT[:, column]
        return [of_weight] if self.bias is None else [of_weight, slope.mT]


class _Product(torch.autograd.Function):
    """W x + b for a block lower triangular W; what lies above its diagonal gets no gradient."""

    @staticmethod
    def forward(ctx: Any, w: Tensor, x: Tensor, bias: Tensor, n_out: int, n_in: int) -> Tensor:
        ctx.save_for_backward(w, x)
        ctx.features = n_out, n_in
        y = x.new_empty(len(w), x.shape[1])
        for rows, columns in _bands(len(w), n_out, n_in):
            torch.addmm(bias[rows, None], w[rows, columns], x[columns], out=y[rows])
        return y

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        (slope,), (w, x) = slopes, ctx.saved_tensors
        of_w, of_x = torch.zeros_like(w), torch.zeros_like(x)
        for rows, columns in _bands(len(w), *ctx.features):
            of_w[rows, columns] = slope[rows] @ x[columns].mT
            if ctx.needs_input_grad[1]:
                of_x[columns].addmm_(w[rows, columns].mT, slope[rows])
        return of_w, of_x if ctx.needs_input_grad[1] else None, slope.sum(dim=1), None, None


def _bands(n_rows: int, n_out: int, n_in: int) -> list[tuple[slice, slice]]:
    """Rows of several sites, and the columns of all sites up to the last of them."""
    sites = n_rows // n_out
    edges = [*range(0, sites, SITES_AT_ONCE), sites]
    return [(slice(a * n_out, b * n_out), slice(0, b * n_in)) for a, b in itertools.pairwise(edges)]
