r"""Exact, independent samples of fermions in oscillator orbitals, |det phi_a(r_j)|^2.

Particles are placed one by one. Proposals have a radial density that is constant in each cell of a fine
grid and nowhere below sum_a |phi_a|^2, and a uniform angle: with rejection the samples are exact.
"""

import math

import torch
from torch import Tensor, nn

from vfe_lightning.calculus.replay import replayed
from vfe_lightning.wavefunctions.fock_darwin import FockDarwin
from vfe_lightning.wavefunctions.one_by_one import Propose, in_two_rounds, one_by_one

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
        if not occupied.is_cuda:
            return one_by_one(self._unplaced(occupied), self._proposals(occupied, generator), generator)
        z, missed = replayed(self._of_fixed_shape, occupied, generator)
        again = missed.nonzero().squeeze(1)
        if len(again):
            few = occupied[again]
            z[again] = one_by_one(self._unplaced(few), self._proposals(few, generator), generator)
        return z

    def _of_fixed_shape(self, occupied: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        propose = self._proposals(occupied, generator)
        return in_two_rounds(self._unplaced(occupied), propose, generator)

    def _unplaced(self, occupied: Tensor) -> Tensor:
        return torch.empty(*occupied.shape, 2, dtype=torch.float64, device=occupied.device)

    def _proposals(self, occupied: Tensor, generator: torch.Generator | None) -> Propose:
        def propose(walkers: Tensor, proposals: int) -> tuple[Tensor, Tensor, Tensor]:
            r, envelope = self._propose(occupied[walkers], proposals, generator)
            v = self.orbitals.at(r, occupied[walkers])
            return r, v, envelope / (2 * math.pi * r.norm(dim=-1))

        return propose

    def _propose(
        self, occupied: Tensor, proposals: int, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Points (batch, proposals, 2), and the sum of the hats of the occupied orbitals at each."""
        mass = self.mass[occupied].cumsum(1)
        coin = mass[:, -1:] * self._uniform(torch.Size((len(occupied), proposals)), generator)
        chosen = torch.searchsorted(mass, coin).clamp(max=occupied.shape[1] - 1)
        orbital = occupied.gather(1, chosen)
        coin = self._uniform(orbital.shape, generator)
        cell = (torch.searchsorted(self.cumulative, orbital + coin) - _CELLS * orbital).clamp(0, _CELLS - 1)
        radius = (cell + self._uniform(coin.shape, generator)) * (self.edge / _CELLS)
        angle = 2 * math.pi * self._uniform(coin.shape, generator)
        envelope = self.hat[occupied[:, :, None], cell[:, None]].sum(1)
        return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=-1), envelope

    def _uniform(self, shape: torch.Size, generator: torch.Generator | None) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64, device=self.hat.device)
