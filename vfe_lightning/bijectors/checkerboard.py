r"""Couplings of the two sublattices of an L x L torus: RealNVP on a checkerboard, with learned tails.

$$ x_a = e^{s_a(z_b)} \sinh( e^{d_a(z_b)} \mathrm{arcsinh} z_a ) + t_a(z_b), \quad x_b = z_b $$

d < 0 makes tails lighter than those of a normal density, as a quartic potential wants them; d = 0 is Dinh,
Sohl-Dickstein & Bengio, ICLR (2017); on lattices Albergo et al., arXiv 2101.08176. s, d, t are convolutions
from one sublattice to the other, so that nothing is computed that a mask would throw away, and commute with
the translations of the checkerboard. An odd flow, with odd t and even s and d, has p(x) = p(-x).
"""

import math
from typing import cast

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.bijector import Bijector
from vfe_lightning.declarations.lattice_fields import Checkerboard


class SiteConvolution(nn.Module):
    """A convolution from some sites of an L x L torus to others; fields are (channels, sites, batch).

    Args:
        sources, targets: sites by their raster number, (sites,).
        reach: rows and columns that it sees; only offsets that lead to a source count.
    """

    taps: Tensor  # (offsets, targets): which source, one past the end where there is none

    def __init__(
        self, L: int, n_in: int, n_out: int, sources: Tensor, targets: Tensor, reach: int, bias: bool
    ) -> None:
        super().__init__()
        self.register_buffer("taps", neighbours(L, sources, targets, reach), persistent=False)
        self.n_sources, self.has_holes = len(sources), bool((self.taps == len(sources)).any())
        fan_in = n_in * len(self.taps)
        self.weight = nn.Parameter(torch.randn(n_out, fan_in, dtype=torch.float64) / math.sqrt(fan_in))
        self.bias = nn.Parameter(torch.zeros(n_out, 1, dtype=torch.float64)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        if self.has_holes:
            x = torch.cat([x, x.new_zeros(len(x), 1, x.shape[2])], dim=1)
        seen = x.index_select(1, self.taps.flatten()).reshape(self.weight.shape[1], -1)
        y = self.weight @ seen if self.bias is None else torch.addmm(self.bias, self.weight, seen)
        return y.view(len(y), -1, x.shape[2])


def neighbours(L: int, sources: Tensor, targets: Tensor, reach: int) -> Tensor:
    """Positions among the sources of the sites at each offset, (offsets, targets); see `SiteConvolution`."""
    position = torch.full((L * L,), len(sources))
    position[sources] = torch.arange(len(sources))
    span = range(-min(reach, (L - 1) // 2), min(reach, L // 2) + 1)  # no site twice
    rows = []
    for down in span:
        for right in span:
            site = (targets // L + down) % L * L + (targets % L + right) % L
            rows.append(position[site])
    taps = torch.stack(rows)
    return taps[(taps < len(sources)).any(dim=1)]


class Coupling(nn.Module):
    """ln scale, ln tail and shift of one sublattice from the other: (sources, batch) -> (targets, batch).

    Two hidden layers of `d.width` channels; zero at first.
    """

    def __init__(self, d: Checkerboard, L: int, sources: Tensor, targets: Tensor, odd: bool) -> None:
        super().__init__()
        self.odd = odd
        self.first = SiteConvolution(L, 1, d.width, sources, targets, d.reach, bias=not odd)
        self.second = SiteConvolution(L, d.width, d.width, targets, targets, d.hidden_reach, bias=not odd)
        self.shift = SiteConvolution(L, d.width, 1, targets, targets, d.hidden_reach, bias=not odd)
        self.log_scale = SiteConvolution(L, d.width, 2, targets, targets, d.hidden_reach, bias=True)
        for last in (self.shift, self.log_scale):
            nn.init.zeros_(last.weight)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = torch.tanh(self.first(z[None]))
        h = h + torch.tanh(self.second(h))
        even = h.square() if self.odd else h
        log_scale, log_tail = self.log_scale(even)
        return log_scale, torch.tanh(log_tail), self.shift(h)[0]


class CheckerboardFlow(Bijector):
    """Couplings that move the two sublattices in turn; fields are (batch, L, L).

    Args:
        odd: f(-z) = -f(z), for energies that are even in x.
    """

    sites: Tensor
    back: Tensor

    def __init__(self, d: Checkerboard, L: int, odd: bool = True) -> None:
        super().__init__()
        self.L = L
        parity = (torch.arange(L)[:, None] + torch.arange(L)).flatten() % 2
        a, b = (torch.nonzero(parity == p).flatten() for p in (0, 1))
        self.register_buffer("sites", torch.cat([a, b]), persistent=False)
        self.register_buffer("back", torch.argsort(torch.cat([a, b])), persistent=False)
        self.n_a = len(a)
        self.couplings = nn.ModuleList(
            Coupling(d, L, *((b, a) if i % 2 == 0 else (a, b)), odd) for i in range(d.layers)
        )

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        halves = self._split(z)
        log_det = z.new_zeros(len(z))
        for i, coupling in enumerate(self._couplings):
            log_scale, log_tail, shift = coupling(halves[1 - i % 2])
            y, slope = sinh_arcsinh(halves[i % 2], log_tail)
            halves[i % 2] = torch.addcmul(shift, y, log_scale.exp())
            log_det = log_det + (log_scale + slope).sum(dim=0)
        return self._join(halves), log_det

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        halves = self._split(x)
        log_det = x.new_zeros(len(x))
        for i, coupling in reversed(list(enumerate(self._couplings))):
            log_scale, log_tail, shift = coupling(halves[1 - i % 2])
            y = (halves[i % 2] - shift) * (-log_scale).exp()
            halves[i % 2], slope = sinh_arcsinh(y, -log_tail)
            log_det = log_det + (slope - log_scale).sum(dim=0)
        return self._join(halves), log_det

    @property
    def _couplings(self) -> list[Coupling]:
        return cast(list[Coupling], list(self.couplings))

    def _split(self, x: Tensor) -> list[Tensor]:
        """The two sublattices, (sites, batch) each."""
        x = x.flatten(1).mT[self.sites]
        return [x[: self.n_a], x[self.n_a :]]

    def _join(self, halves: list[Tensor]) -> Tensor:
        return torch.cat(halves)[self.back].mT.reshape(-1, self.L, self.L)


def sinh_arcsinh(z: Tensor, log_tail: Tensor) -> tuple[Tensor, Tensor]:
    """sinh(d arcsinh z) with d = exp(log_tail), and ln of its slope; -log_tail is the inverse.

    It takes normal tails to exp(-|x|^(2 / d)): Jones & Pewsey, Biometrika 96, 761 (2009).
    """
    angle = log_tail.exp() * torch.arcsinh(z)
    y = torch.sinh(angle)
    return y, log_tail + 0.5 * (torch.log1p(y.square()) - torch.log1p(z.square()))
