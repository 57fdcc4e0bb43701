r"""Products of an up and a down determinant of Fock-Darwin orbitals, the states of free electrons in a trap.

For one spin, with D_ja = phi_a(z_j), D^c its derivative along c and A^c = D^c D^-1,

    g_jc = d ln Phi / d z_jc = A^c_jj,
    d^2 ln Phi / d z_jb d z_lc = delta_jl (D^bc D^-1)_jj - A^b_jl A^c_lj.
"""

import math
from dataclasses import dataclass
from itertools import combinations_with_replacement

import torch
from torch import Tensor

from vfe_lightning.calculus.replay import replayable
from vfe_lightning.wavefunctions.fock_darwin import FockDarwin, OrbitalJet
from vfe_lightning.wavefunctions.slater import SlaterJet
from vfe_lightning.wavefunctions.trapped_fermions import TrappedFermions
from vfe_lightning.wavefunctions.two_spin_jet import TwoSpinJet


@replayable
@dataclass(frozen=True)
class OscillatorDeterminants:
    """A batch of normalised products of two determinants, one a walker: `BaseStates` in a trap.

    Electrons of spin up stand before those of spin down.
    """

    orbitals: FockDarwin
    sampler: TrappedFermions
    occupied: Tensor  # (batch, n_up + n_down): sorted orbitals of each spin
    n_up: int

    @property
    def momentum(self) -> Tensor:
        """Total angular momentum, (batch, 1)."""
        quanta = self.orbitals.quanta[self.occupied]
        return (quanta[..., 0] - quanta[..., 1]).sum(1, keepdim=True).double()

    def __getitem__(self, rows: slice | Tensor) -> "OscillatorDeterminants":
        return OscillatorDeterminants(self.orbitals, self.sampler, self.occupied[rows], self.n_up)

    def __len__(self) -> int:
        return len(self.occupied)

    def log_psi(self, zeta: Tensor) -> Tensor:
        """ln Phi, complex (batch,), at zeta (batch, n, 2)."""
        parts = [log_det(self.orbitals.at(z, k)) for z, k in self._spins(zeta)]
        return sum(parts[1:], parts[0])

    def gradient(self, zeta: Tensor) -> Tensor:
        """d ln Phi / d zeta, complex (batch, n, 2)."""
        parts = []
        for z, k in self._spins(zeta):
            parts.append(log_det_gradient(*self.orbitals.slopes(z, k)))
        return torch.cat(parts, dim=1)

    def jet(self, zeta: Tensor) -> TwoSpinJet:
        """ln Phi with its derivatives."""
        return TwoSpinJet([slater_jet(self.orbitals.jet(z, k)) for z, k in self._spins(zeta)])

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Exact, independent zeta ~ |Phi|^2, one a walker."""
        spins = [k for k in self._split(self.occupied) if k.shape[1]]
        return torch.cat([self.sampler.sample(k, generator) for k in spins], dim=1)

    def _split(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return t[:, : self.n_up], t[:, self.n_up :]

    def _spins(self, zeta: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Coordinates and orbitals of each spin that has electrons."""
        return [
            (z, k) for z, k in zip(self._split(zeta), self._split(self.occupied), strict=True) if k.shape[1]
        ]


def slater_jet(occupied: OrbitalJet) -> SlaterJet:
    """ln of a normalised determinant of the orbitals given, as many as points."""
    value, gradient, hessian = occupied
    inverse = torch.linalg.inv_ex(value)[0]
    transfer = gradient @ inverse[:, None]
    second = (hessian * inverse.mT[:, None]).sum(3).unbind(1)
    dim = gradient.shape[1]
    place = {axes: k for k, axes in enumerate(combinations_with_replacement(range(dim), 2))}
    rows = [torch.stack([second[place[min(a, b), max(a, b)]] for b in range(dim)], -1) for a in range(dim)]
    # SlaterJet is written for plane waves, where second derivatives are minus a square
    self_term = -torch.stack(rows, -1)
    return SlaterJet(log_det(value), torch.diagonal(transfer, dim1=-2, dim2=-1).mT, transfer, self_term)


def log_det_gradient(value: Tensor, slopes: Tensor) -> Tensor:
    """d ln det / d z from orbitals (batch, n, n) and slopes (batch, dim, n, n): (batch, n, dim)."""
    return (slopes * torch.linalg.inv_ex(value)[0].mT[:, None]).sum(3).mT


def log_det(value: Tensor) -> Tensor:
    """ln det / sqrt(n!) of (..., n, n), complex."""
    sign, log_abs = torch.linalg.slogdet(value)
    return torch.complex(log_abs - 0.5 * math.lgamma(value.shape[-1] + 1), sign.angle())
