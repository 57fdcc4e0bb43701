"""Products of an up and a down determinant of orbitals among protons, which differ from walker to walker."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vfe_lightning.calculus.replay import replayable, replayed
from vfe_lightning.hamiltonians.screened_atoms import ScreenedAtoms
from vfe_lightning.wavefunctions.fock_darwin import OrbitalJet
from vfe_lightning.wavefunctions.grid_hat import GridHat, in_fixed_shape, require_bound
from vfe_lightning.wavefunctions.oscillator_determinants import log_det, log_det_gradient, slater_jet
from vfe_lightning.wavefunctions.slater import SlaterJet
from vfe_lightning.wavefunctions.two_spin_jet import TwoSpinJet


@replayable
@dataclass(frozen=True)
class ProtonDeterminants:
    """A batch of normalised products of two real determinants: `BaseStates` in a periodic cube, in Bohr.

    Walkers may share their protons and orbitals. Electrons of spin up stand before those of spin down.
    """

    atoms: ScreenedAtoms
    geometries: Tensor  # (geometries, N, 3): protons
    up: Tensor  # (geometries, M, n_up): occupied orbitals, in the basis of `atoms`
    down: Tensor  # (geometries, M, n_down)
    geometry: Tensor  # (batch,): which of them a walker has

    @property
    def n_up(self) -> int:
        return self.up.shape[2]

    @property
    def protons(self) -> Tensor:
        """Those of each walker, (batch, N, 3)."""
        return self.geometries[self.geometry]

    @property
    def momentum(self) -> Tensor:
        """That of the twist: (batch, 3)."""
        return self.atoms.gaussians.momentum(self.up.shape[2] + self.down.shape[2]).expand(len(self), 3)

    def __getitem__(self, rows: slice | Tensor) -> "ProtonDeterminants":
        return replace(self, geometry=self.geometry[rows])

    def __len__(self) -> int:
        return len(self.geometry)

    def log_psi(self, zeta: Tensor) -> Tensor:
        """ln Phi, complex (batch,), at zeta (batch, n, 3)."""
        parts = [log_det(self._orbitals(z, c, 0)[0]) for z, c in self._spins(zeta)]
        return sum(parts[1:], parts[0])

    def gradient(self, zeta: Tensor) -> Tensor:
        """d ln Phi / d zeta, complex (batch, n, 3)."""
        parts = []
        for z, c in self._spins(zeta):
            value, *slopes = self._orbitals(z, c, 1)
            parts.append(log_det_gradient(value, torch.stack(slopes, 1)))
        return torch.cat(parts, dim=1).to(torch.complex128)

    def jet(self, zeta: Tensor) -> TwoSpinJet:
        """ln Phi with its derivatives."""
        jets = []
        for z, c in self._spins(zeta):
            found = self._orbitals(z, c, 2)
            real = slater_jet(OrbitalJet(found[0], torch.stack(found[1:4], 1), torch.stack(found[4:], 1)))
            jets.append(SlaterJet(*(part.to(torch.complex128) for part in real)))
        return TwoSpinJet(jets)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Exact, independent zeta ~ |Phi|^2, one a walker, two determinantal processes."""
        spins = [c for c in (self.up, self.down) if c.shape[2]]
        if not self.geometries.is_cuda:
            hats = [GridHat(self.atoms, self.geometries, c) for c in spins]
            return torch.cat([hat.sample(self.geometry, generator) for hat in hats], dim=1)
        drawn = [
            replayed(in_fixed_shape, self.atoms, self.geometries, c, self.geometry, generator) for c in spins
        ]
        rare = [missed.any() | (largest > 1) for _, missed, largest in drawn]
        if torch.stack(rare).any():  # one question to a GPU for all that is rare
            for c, (z, missed, largest) in zip(spins, drawn, strict=True):
                require_bound(largest)
                again = missed.nonzero().squeeze(1)
                z[again] = GridHat(self.atoms, self.geometries, c).sample(self.geometry[again], generator)
        return torch.cat([z for z, *_ in drawn], dim=1)

    def _orbitals(self, z: Tensor, coefficients: Tensor, order: int) -> list[Tensor]:
        """Values, slopes along x, y, z and bends along xx, xy, ...: (batch, points, n) each."""
        c = coefficients[self.geometry]
        return [found @ c for found in self.atoms.gaussians.at(z, self.protons, order)]

    def _spins(self, zeta: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Coordinates and orbitals of each spin that has electrons."""
        parts = ((zeta[:, : self.n_up], self.up), (zeta[:, self.n_up :], self.down))
        return [(z, c) for z, c in parts if c.shape[2]]
