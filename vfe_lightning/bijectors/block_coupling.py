"""Bijectors of blocks of four sites: a linear map, and spline couplings of two sites on the other two.

Blocks are (places, 4, columns): each place has parameters of its own, all columns of a place share them.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.rational_quadratic import knots_of, with_tails

HALF = 4.0  # splines move what is between -4 and 4, in units of the first standard deviations
# The two sites that a coupling moves in a 2 x 2 block: a diagonal, a row, a column and their complements
PAIRS = ((0, 3), (1, 2), (0, 1), (2, 3), (0, 2), (1, 3))
# Sum and differences of a block: the first is what the next coarser scale sees
HAAR = ((1, 1, 1, 1), (1, 1, -1, -1), (1, -1, 1, -1), (1, -1, -1, 1))


class PairCoupling(nn.Module):
    """Splines, ln scale and shift of two sites from the other two; the identity at first.

    One bin leaves no spline. Where it is `odd`, so are the splines and the shift. What it gives is a mean
    over the hidden units, so that a step of an optimiser moves it as far whatever their number.
    """

    mirror: Tensor  # (3 bins - 1,): the number that takes the place of each one where x -> -x

    def __init__(self, places: int, width: int, bins: int, odd: bool) -> None:
        super().__init__()
        self.odd, self.bins = odd, bins
        runs = torch.arange(3 * bins - 1).split([bins, bins, bins - 1])
        self.register_buffer("mirror", torch.cat([run.flip(0) for run in runs]), persistent=False)

        def normal(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(places, *shape, dtype=torch.float64) / math.sqrt(shape[-1]))

        def zeros(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.zeros(places, *shape, dtype=torch.float64))

        self.first, self.second = normal(width, 2), normal(width, width)
        self.shift, self.scale, self.scale_bias = zeros(2, width), zeros(2, width), zeros(2, 1)
        if bins > 1:
            self.knots, self.knots_bias = zeros(3 * bins - 1, 2, width), zeros(3 * bins - 1, 2, 1)
        if bins > 1 and odd:
            self.odd_knots = zeros(3 * bins - 1, 2, width)
        if not odd:
            self.first_bias, self.shift_bias = normal(width, 1), zeros(2, 1)

    def forward(self, z: Tensor, fixed: Tensor) -> tuple[Tensor, Tensor]:
        """Two sites moved by the two that are fixed, (places, 2, columns), and ln|det|, (places, columns)."""
        knots, log_scale, shift = self._shape(fixed)
        x, slope = (z, 0) if knots is None else with_tails(z, knots, HALF)
        return torch.addcmul(shift, x, log_scale.exp()), (log_scale + slope).sum(dim=1)

    def inverse(self, x: Tensor, fixed: Tensor) -> tuple[Tensor, Tensor]:
        knots, log_scale, shift = self._shape(fixed)
        z = (x - shift) * (-log_scale).exp()
        z, slope = (z, 0) if knots is None else with_tails(z, knots, HALF, inverse=True)
        return z, -(log_scale + slope).sum(dim=1)

    def _shape(self, fixed: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        """Knots, (3, bins + 1, places, 2, columns), ln scale and shift, (places, 2, columns)."""
        h = torch.tanh(self.first @ fixed if self.odd else torch.baddbmm(self.first_bias, self.first, fixed))
        h = (h + torch.tanh(self.second @ h)) / h.shape[1]
        even = h.square() * h.shape[1] if self.odd else h
        log_scale = torch.baddbmm(self.scale_bias, self.scale, even)
        shift = self.shift @ h if self.odd else torch.baddbmm(self.shift_bias, self.shift, h)
        return self._knots(h, even) if self.bins > 1 else None, log_scale, shift

    def _knots(self, h: Tensor, even: Tensor) -> Tensor:
        weight, bias = self.knots, self.knots_bias
        if self.odd:
            weight, bias = (0.5 * (a + a[:, self.mirror]) for a in (weight, bias))
            odd = self.odd_knots - self.odd_knots[:, self.mirror]
            weight, even = torch.cat([weight, odd], dim=-1), torch.cat([even, h], dim=1)
        free = torch.baddbmm(bias.flatten(1, 2), weight.flatten(1, 2), even)
        free = free.unflatten(1, (-1, 2)).transpose(0, 1)
        shares, slopes = free[: 2 * self.bins].unflatten(0, (2, -1)), free[2 * self.bins :]
        unit = torch.zeros_like(slopes[:1])
        return knots_of(shares, torch.cat([unit, slopes, unit]), HALF)


class BlockCoupling(nn.Module):
    """A bijector of blocks, (places, 4, columns), with its ln|det|, (places, columns).

    Args:
        places: with parameters of their own.
        couplings: in a block.
        width: hidden units of a coupling.
        bins: of its splines; 1 leaves affine couplings.
        linear: the linear map that it starts as, (4, 4).
        odd: f(-z) = -f(z).
    """

    def __init__(
        self, places: int, couplings: int, width: int, bins: int, linear: Tensor, odd: bool = True
    ) -> None:
        super().__init__()
        self.linear = nn.Parameter(linear.repeat(places, 1, 1))
        self.couplings = nn.ModuleList(PairCoupling(places, width, bins, odd) for _ in range(couplings))

    @property
    def _couplings(self) -> list[tuple[PairCoupling, list[int], list[int]]]:
        pairs = [PAIRS[i % len(PAIRS)] for i in range(len(self.couplings))]
        modules = cast(list[PairCoupling], list(self.couplings))
        return [
            (m, list(p), [i for i in range(4) if i not in p]) for m, p in zip(modules, pairs, strict=True)
        ]

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        sites = list((self.linear @ z).unbind(dim=1))
        log_det = torch.linalg.slogdet(self.linear)[1][:, None].expand(-1, z.shape[2])
        for coupling, moved, fixed in self._couplings:
            pair, change = coupling(*(torch.stack([sites[i] for i in who], dim=1) for who in (moved, fixed)))
            sites[moved[0]], sites[moved[1]] = pair.unbind(dim=1)
            log_det = log_det + change
        return torch.stack(sites, dim=1), log_det

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        sites = list(x.unbind(dim=1))
        log_det = -torch.linalg.slogdet(self.linear)[1][:, None].expand(-1, x.shape[2])
        for coupling, moved, fixed in reversed(self._couplings):
            pair, change = coupling.inverse(
                *(torch.stack([sites[i] for i in who], dim=1) for who in (moved, fixed))
            )
            sites[moved[0]], sites[moved[1]] = pair.unbind(dim=1)
            log_det = log_det + change
        return torch.linalg.solve_ex(self.linear, torch.stack(sites, dim=1))[0], log_det


def haar() -> Tensor:
    """Orthogonal: from sum and differences to the four sites, (4, 4)."""
    return 0.5 * torch.tensor(HAAR, dtype=torch.float64).mT
