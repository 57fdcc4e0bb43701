r"""Exact, independent samples of fermions in oscillator orbitals, |det phi_a(r_j)|^2.

The density is a projection determinantal point process: particles are placed one by one, each from the part
of sum_a |phi_a|^2 that is orthogonal to those already placed. Hough, Krishnapur, Peres & Virag, Probab.
Surveys 3, 206 (2006), algorithm 18. Proposals have a radial density that is constant in each cell of a fine
grid and nowhere below sum_a |phi_a|^2, and a uniform angle: with rejection the samples are exact.
"""

import math

import torch
from torch import Tensor, nn

from vfe_lightning.wavefunctions.fock_darwin import FockDarwin

_CELLS = 1024
_FINE = 8  # points of a cell at which the largest density is looked for
_MARGIN = 1.001  # the maximum between two of those points is higher by less than 1e-4 of it


class TrappedFermions(nn.Module):
    """Sampler of determinants of the orbitals given.

    Beyond the edge of its grid an orbital has less than 1e-15 of its weight.
    """

    hat: Tensor  # (orbitals, cells): bound of 2 pi r |phi|^2 in each cell
    mass: Tensor  # (orbitals,): of the hat
    cumulative: Tensor  # (orbitals * cells,): of the normalised hats, that of orbital k from k to k + 1

    def __init__(self, orbitals: FockDarwin) -> None:
        super().__init__()
        self.orbitals = orbitals
        self.edge = math.sqrt(2 * orbitals.shells) + 7
        radius = torch.linspace(0, self.edge, _CELLS * _FINE + 1, dtype=torch.float64)
        values = orbitals.values(torch.stack([radius, torch.zeros_like(radius)], dim=1))
        density = (2 * math.pi * radius * values.abs().square().T)[: len(orbitals.quanta)]
        hat = density.unfold(1, _FINE + 1, _FINE).amax(2) * _MARGIN
        self.register_buffer("hat", hat, persistent=False)
        cumulative = hat.cumsum(1) / hat.sum(1, keepdim=True) + torch.arange(len(hat))[:, None]
        self.register_buffer("cumulative", cumulative.flatten(), persistent=False)
        self.register_buffer("mass", hat.sum(1), persistent=False)

    @torch.no_grad()
    def sample(self, occupied: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One configuration of each walker's own orbitals, all different: (batch, n) -> (batch, n, 2)."""
        batch, n = occupied.shape
        placed = torch.zeros(batch, n, n, dtype=torch.complex128, device=occupied.device)  # orthonormal rows
        z = torch.empty(batch, n, 2, dtype=torch.float64, device=occupied.device)
        for i in range(n):
            proposals = max(4, 2 * n // (n - i))
            wave = torch.empty(batch, n, dtype=torch.complex128, device=occupied.device)
            waiting = torch.arange(batch, device=occupied.device)
            while len(waiting):
                r, envelope = self._propose(occupied[waiting], proposals, generator)
                v = self.orbitals.at(r, occupied[waiting])
                taken = torch.view_as_real(v.conj() @ placed[waiting, :i].mT).square().sum(dim=(-2, -1))
                density = torch.view_as_real(v).square().sum(dim=(-2, -1)) - taken
                coin = self._uniform(envelope.shape, generator)
                accepted = coin * envelope < 2 * math.pi * r.norm(dim=-1) * density
                first = accepted.to(torch.int8).argmax(dim=1)
                hit = accepted.any(dim=1)
                done = waiting[hit]
                z[done, i] = r[hit, first[hit]]
                wave[done] = v[hit, first[hit]]
                waiting = waiting[~hit]
            for _ in range(2):  # Gram-Schmidt twice is orthogonal to rounding
                overlap = wave[:, None] @ placed[:, :i].mH
                wave = wave - (overlap @ placed[:, :i])[:, 0]
            placed[:, i] = wave / wave.norm(dim=1, keepdim=True)
        return z

    def _propose(
        self, occupied: Tensor, proposals: int, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Points (batch, proposals, 2), and the sum of the hats of the occupied orbitals at each."""
        chosen = torch.multinomial(self.mass[occupied], proposals, replacement=True, generator=generator)
        orbital = occupied.gather(1, chosen)
        coin = self._uniform(orbital.shape, generator)
        cell = (torch.searchsorted(self.cumulative, orbital + coin) - _CELLS * orbital).clamp(0, _CELLS - 1)
        radius = (cell + self._uniform(coin.shape, generator)) * (self.edge / _CELLS)
        angle = 2 * math.pi * self._uniform(coin.shape, generator)
        envelope = self.hat[occupied[:, :, None], cell[:, None]].sum(1)
        return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=-1), envelope

    def _uniform(self, shape: torch.Size, generator: torch.Generator | None) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64, device=self.hat.device)
