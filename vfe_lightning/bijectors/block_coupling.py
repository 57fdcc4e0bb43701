"""A bijector of blocks of four sites: a linear map, and couplings of two sites on the other two."""

import math
from typing import cast

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.checkerboard import sinh_arcsinh

# The two sites that a coupling moves in a 2 x 2 block: a diagonal, a row, a column and their complements
PAIRS = ((0, 3), (1, 2), (0, 1), (2, 3), (0, 2), (1, 3))
# Sum and differences of a block: the first is what the next coarser scale sees
HAAR = ((1, 1, 1, 1), (1, 1, -1, -1), (1, -1, 1, -1), (1, -1, -1, 1))


class PairCoupling(nn.Module):
    """ln scale, ln tail and shift of two sites from the other two; zero at first.

    (2, blocks) -> three of (2, blocks); where it is `odd` the shift is, and the others are even.
    """

    def __init__(self, width: int, odd: bool) -> None:
        super().__init__()
        self.odd = odd
        if not odd:
            self.first_bias = nn.Parameter(torch.randn(width, 1, dtype=torch.float64))
            self.shift_bias = nn.Parameter(torch.zeros(2, 1, dtype=torch.float64))
        self.first = nn.Parameter(torch.randn(width, 2, dtype=torch.float64) / math.sqrt(2))
        self.second = nn.Parameter(torch.randn(width, width, dtype=torch.float64) / math.sqrt(width))
        self.shift = nn.Parameter(torch.zeros(2, width, dtype=torch.float64))
        self.scale = nn.Parameter(torch.zeros(4, width, dtype=torch.float64))
        self.scale_bias = nn.Parameter(torch.zeros(4, 1, dtype=torch.float64))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = self.first @ z if self.odd else torch.addmm(self.first_bias, self.first, z)
        h = torch.tanh(y)
        h = h + torch.tanh(self.second @ h)
        even = h.square() if self.odd else h
        log_scale, log_tail = torch.addmm(self.scale_bias, self.scale, even).chunk(2)
        shift = self.shift @ h if self.odd else torch.addmm(self.shift_bias, self.shift, h)
        return log_scale, torch.tanh(log_tail), shift


class BlockCoupling(nn.Module):
    """A bijector of blocks, (4, blocks), with its ln|det|, (blocks,).

    Args:
        odd: f(-z) = -f(z).
        linear: the linear map that it starts as, (4, 4).
    """

    def __init__(self, couplings: int, width: int, linear: Tensor, odd: bool = True) -> None:
        super().__init__()
        self.linear = nn.Parameter(linear.clone())
        self.couplings = nn.ModuleList(PairCoupling(width, odd) for _ in range(couplings))

    @property
    def _couplings(self) -> list[tuple[PairCoupling, list[int], list[int]]]:
        pairs = [PAIRS[i % len(PAIRS)] for i in range(len(self.couplings))]
        modules = cast(list[PairCoupling], list(self.couplings))
        return [
            (m, list(p), [i for i in range(4) if i not in p]) for m, p in zip(modules, pairs, strict=True)
        ]

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        sites = list((self.linear @ z).unbind())
        log_det = torch.linalg.slogdet(self.linear)[1].expand(z.shape[1])
        for coupling, moved, fixed in self._couplings:
            log_scale, log_tail, shift = coupling(torch.stack([sites[i] for i in fixed]))
            y, slope = sinh_arcsinh(torch.stack([sites[i] for i in moved]), log_tail)
            y = torch.addcmul(shift, y, log_scale.exp())
            sites[moved[0]], sites[moved[1]] = y.unbind()
            log_det = log_det + (log_scale + slope).sum(dim=0)
        return torch.stack(sites), log_det

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        sites = list(x.unbind())
        log_det = -torch.linalg.slogdet(self.linear)[1].expand(x.shape[1])
        for coupling, moved, fixed in reversed(self._couplings):
            log_scale, log_tail, shift = coupling(torch.stack([sites[i] for i in fixed]))
            y = (torch.stack([sites[i] for i in moved]) - shift) * (-log_scale).exp()
            y, slope = sinh_arcsinh(y, -log_tail)
            sites[moved[0]], sites[moved[1]] = y.unbind()
            log_det = log_det + (slope - log_scale).sum(dim=0)
        return torch.linalg.solve(self.linear, torch.stack(sites)), log_det


def haar() -> Tensor:
    """Orthogonal: from sum and differences to the four sites, (4, 4)."""
    return 0.5 * torch.tensor(HAAR, dtype=torch.float64).mT
