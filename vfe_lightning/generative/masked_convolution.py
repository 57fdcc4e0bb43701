"""Convolutions that see only the pixels before each pixel in raster order.

Fields have shape (rows, columns, channels, batch). The taps that a pixel may see, and no others, are
stored and multiplied: `reach` rows above it, 2 reach + 1 wide, and the pixels to its left.
van den Oord, Kalchbrenner & Kavukcuoglu, ICML (2016).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad


class MaskedConvolution(nn.Module):
    """y(r, c) = sum of W times x at the pixels before (r, c), and at itself unless `strict`, + b(r, c).

    Arithmetic is in the precision of x.

    Args:
        L: rows and columns; outside of them x is zero.
        n_in, n_out: channels.
        reach: rows above, and columns to each side, that a pixel sees.
        strict: a pixel does not see itself.
        gain: standard deviation of the first outputs for inputs of order one.
    """

    def __init__(self, L: int, n_in: int, n_out: int, reach: int, *, strict: bool, gain: float = 1.0) -> None:
        super().__init__()
        self.reach, self.n_in = reach, n_in
        wide, narrow = (2 * reach + 1) * n_in, (reach + (not strict)) * n_in
        scale = gain / (reach * wide + narrow) ** 0.5
        self.above = nn.Parameter(scale * torch.randn(reach, n_out, wide, dtype=torch.float64))
        self.left = nn.Parameter(scale * torch.randn(n_out, narrow, dtype=torch.float64))
        self.bias = nn.Parameter(torch.zeros(L, L, n_out, 1, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """(L, L, n_in, batch) -> (L, L, n_out, batch)."""
        return _Correlation.apply(self.above.to(x), self.left.to(x), x) + self.bias.to(x)

    def rows_above(self, rows: Tensor, row: int) -> Tensor:
        """What the padded rows above a row give it, with the bias, while sampling.

        (reach, L + 2 reach, n_in, batch) -> (L, n_out, batch).
        """
        y = self.bias[row].to(rows).repeat(1, 1, rows.shape[-1])
        for seen, w in zip(rows, self.above.to(rows), strict=True):
            y.baddbmm_(w.expand(len(y), -1, -1), _windows(seen, len(y), w.shape[1]))
        return y

    def scores(self, x: Tensor, slope: Tensor) -> list[Tensor]:
        """d ln p / d parameters of each sample from x and d ln p / d y, (L, L, channels, batch).

        Returns:
            (batch, parameters) of `above`, `left` and `bias`.
        """
        padded, L = _padded(x, self.reach), len(x)
        by_sample = slope.flatten(0, 1).permute(2, 1, 0)  # (batch, n_out, pixels)

        def of(rows: Tensor, size: int) -> Tensor:
            seen = torch.cat([_windows(row, L, size) for row in rows])
            return (by_sample @ seen.permute(2, 0, 1)).flatten(1)

        above = [of(padded[i : i + L], self.above.shape[2]) for i in range(self.reach)]
        return [*above, of(padded[self.reach :], self.left.shape[1]), slope.flatten(0, 2).mT]


class _Correlation(torch.autograd.Function):
    """The sum over all taps: torch's own convolution in float64 is several times slower on a CPU."""

    @staticmethod
    def forward(ctx: Any, above: Tensor, left: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(above, left, x)
        L, padded = len(x), _padded(x, len(above))
        y = x.new_zeros(L, L, len(left), x.shape[-1])
        for row in range(L):
            for i, w in enumerate([*above, left]):
                y[row].baddbmm_(w.expand(L, -1, -1), _windows(padded[row + i], L, w.shape[1]))
        return y

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        (slope,), (above, left, x) = slopes, ctx.saved_tensors
        L, reach, n_in = len(x), len(above), x.shape[2]
        padded, slope = _padded(x, reach), slope.contiguous()
        of_weights = [torch.zeros_like(w) for w in (*above, left)]
        for row in range(L):
            for i, of_w in enumerate(of_weights):
                of_w += (slope[row] @ _windows(padded[row + i], L, of_w.shape[1]).mT).sum(dim=0)
        of_x = None
        if ctx.needs_input_grad[2]:
            # The transposed map: pixel (r, c) was seen from rows below it, through the taps in reverse.
            of_x, below = torch.zeros_like(x), pad(slope, (0, 0, 0, 0, reach, reach))
            for i, w in enumerate((*above, left)):
                taps = w.shape[1] // n_in
                reverse = w.unflatten(1, (taps, n_in)).flip(1).permute(2, 1, 0).flatten(1)
                for row in range(L - reach + i):
                    seen = below[row + reach - i, 2 * reach + 1 - taps :]
                    of_x[row].baddbmm_(reverse.expand(L, -1, -1), _windows(seen, L, reverse.shape[1]))
        return torch.stack(of_weights[:-1]), of_weights[-1], of_x


def _padded(x: Tensor, reach: int) -> Tensor:
    """With the zeros around it that the taps reach: (L + reach, L + 2 reach, channels, batch)."""
    return pad(x, (0, 0, 0, 0, reach, reach, reach, 0))


def _windows(row: Tensor, L: int, size: int) -> Tensor:
    """Overlapping views of the taps of a row's pixels: (columns, channels, batch) -> (L, size, batch)."""
    channels, batch = row.shape[1:]
    return row.as_strided((L, size, batch), (channels * batch, batch, 1))
