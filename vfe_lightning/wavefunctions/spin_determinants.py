"""Products of an up and a down determinant of plane waves, the states of free electrons of both spins."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vfe_lightning.calculus.replay import replayable
from vfe_lightning.wavefunctions.slater import SlaterDeterminants
from vfe_lightning.wavefunctions.two_spin_jet import TwoSpinJet


@replayable
@dataclass(frozen=True)
class SpinDeterminants:
    """A batch of normalised products of two determinants in a periodic cube: `BaseStates`.

    Electrons of spin up stand before those of spin down.
    """

    k: Tensor  # (batch, n_up + n_down, dim): wave vectors with their factor 2 pi / L
    length: float  # side L of the cube
    n_up: int

    @property
    def momentum(self) -> Tensor:
        return self.k.sum(dim=1)

    def __getitem__(self, rows: slice | Tensor) -> "SpinDeterminants":
        return SpinDeterminants(self.k[rows], self.length, self.n_up)

    def __len__(self) -> int:
        return len(self.k)

    def log_psi(self, zeta: Tensor) -> Tensor:
        up, down = (spin.log_psi(z) for spin, z in self._spins(zeta))
        return up + down

    def gradient(self, zeta: Tensor) -> Tensor:
        return torch.cat([spin.gradient(z) for spin, z in self._spins(zeta)], dim=1)

    def jet(self, zeta: Tensor) -> TwoSpinJet:
        return TwoSpinJet([spin.jet(z) for spin, z in self._spins(zeta)])

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Two independent determinantal processes."""
        return torch.cat([spin.sample(generator) for spin, _ in self._spins(self.k)], dim=1)

    def _spins(self, zeta: Tensor) -> list[tuple[SlaterDeterminants, Tensor]]:
        """The determinant and the coordinates of each spin."""
        sizes = [self.n_up, self.k.shape[1] - self.n_up]
        parts = zip(self.k.split(sizes, 1), zeta.split(sizes, 1), strict=True)
        return [(SlaterDeterminants(k, self.length), z) for k, z in parts]
