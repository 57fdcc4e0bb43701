r"""Antisymmetrised geminal powers among protons: determinants of singlet pairs, exactly sampled.

$$ \Phi = \frac{\det[\sum_k \phi_k(r_i) \lambda_k \phi_k(r_j)]}{n! \sqrt{Z}}
   = \frac{1}{\sqrt{Z}} \sum_K \Big( \prod_{k \in K} \lambda_k \Big) \Phi_K^\uparrow \Phi_K^\downarrow $$

of i with spin up and j with spin down, A. J. Coleman, J. Math. Phys. 6, 1425 (1965). By Cauchy and Binet it
is the sum of all pairs of equal determinants of the levels: of two electrons in a molecule, both in its bond
or both beyond. Electrons of spin up alone are a mixture of determinants K with the weights prod lambda^2 / Z,
and given them those of spin down are one determinant in the span of the levels, so that both are drawn one by
one. With amplitudes of n levels alone it is a product of two determinants.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from vfe_lightning.calculus.replay import replayable, replayed
from vfe_lightning.hamiltonians.screened_atoms import Orbitals, ScreenedAtoms
from vfe_lightning.wavefunctions.fock_darwin import OrbitalJet
from vfe_lightning.wavefunctions.geminal_jet import GeminalJet, geminal, geminal_jet
from vfe_lightning.wavefunctions.grid_hat import GridHat, require_bound
from vfe_lightning.wavefunctions.oscillator_determinants import log_det, log_det_gradient
from vfe_lightning.wavefunctions.pairing import Pairing, occupied


@replayable
@dataclass(frozen=True)
class ProtonGeminals:
    """A batch of normalised states of n pairs, `BaseStates` in a periodic cube, in Bohr.

    Walkers may share their protons and levels. Electrons of spin up stand before those of spin down.
    """

    atoms: ScreenedAtoms
    geometries: Tensor  # (geometries, N, 3): protons
    orbitals: Tensor  # (geometries, M, levels), in the basis of `atoms`
    levels: Tensor  # (geometries, levels), in Hartree
    amplitudes: Tensor  # (geometries, levels)
    log_norm: Tensor  # (geometries,): ln Z
    geometry: Tensor  # (batch,): which of them a walker has
    n_up: int  # and as many of spin down

    @classmethod
    @torch.no_grad()
    def of(cls, atoms: ScreenedAtoms, protons: Tensor, found: Orbitals, pairing: Pairing) -> "ProtonGeminals":
        """One walker of each geometry."""
        orbitals, levels = (t[..., : pairing.levels] for t in (found.coefficients, found.energies))
        geometry = torch.arange(len(protons), device=protons.device)
        amplitudes, log_norm = replayed(pairing.forward, levels)
        return cls(atoms, protons, orbitals, levels, amplitudes, log_norm, geometry, pairing.n)

    @property
    def protons(self) -> Tensor:
        """Those of each walker, (batch, N, 3)."""
        return self.geometries[self.geometry]

    @property
    def momentum(self) -> Tensor:
        """That of the twist: (batch, 3)."""
        return self.atoms.gaussians.momentum(2 * self.n_up).expand(len(self), 3)

    def __getitem__(self, rows: slice | Tensor) -> "ProtonGeminals":
        return replace(self, geometry=self.geometry[rows])

    def __len__(self) -> int:
        return len(self.geometry)

    def log_psi(self, zeta: Tensor) -> Tensor:
        """ln Phi, complex (batch,), at zeta (batch, 2 n, 3)."""
        (up,), (down,) = self._spins(zeta, 0)
        of_pairs = log_det(geminal(up, down, self.amplitudes[self.geometry]))
        return of_pairs - 0.5 * math.lgamma(self.n_up + 1) - 0.5 * self.log_norm[self.geometry]

    def gradient(self, zeta: Tensor) -> Tensor:
        """d ln Phi / d zeta, complex (batch, 2 n, 3)."""
        amplitudes = self.amplitudes[self.geometry][..., None]
        (up, *of_up), (down, *of_down) = self._spins(zeta, 1)
        parts = [
            log_det_gradient(own @ (mate := amplitudes * other.mT), torch.stack(slopes, 1) @ mate[:, None])
            for own, slopes, other in ((up, of_up, down), (down, of_down, up))
        ]
        return torch.cat(parts, dim=1).to(torch.complex128)

    def of_amplitudes(self, zeta: Tensor) -> Tensor:
        """d ln Phi / d lambda at fixed Z, (batch, levels)."""
        (up,), (down,) = self._spins(zeta, 0)
        inverse = torch.linalg.inv_ex(geminal(up, down, self.amplitudes[self.geometry]))[0]
        return (up * (inverse.mT @ down)).sum(1)

    def jet(self, zeta: Tensor) -> GeminalJet:
        """ln Phi with its derivatives."""
        up, down = (
            OrbitalJet(found[0], torch.stack(found[1:4], 1), torch.stack(found[4:], 1))
            for found in self._spins(zeta, 2)
        )
        return geminal_jet(up, down, self.amplitudes[self.geometry], self.log_norm[self.geometry])

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Exact, independent zeta ~ |Phi|^2, one a walker.

        All levels together are a bound of the density of whatever is in their span.
        """
        if not self.geometries.is_cuda:
            return sampled(self, generator, fixed_shape=False)[0]
        z, missed, largest = replayed(sampled, self, generator, True)
        if (missed.any() | (largest > 1)).any():  # one question to a GPU for all that is rare
            require_bound(largest)
            again = missed.nonzero().squeeze(1)
            z[again] = sampled(self[again], generator, fixed_shape=False)[0]
        return z

    def at(self, z: Tensor, order: int) -> list[Tensor]:
        """Values, slopes along x, y, z and bends along xx, xy, ...: (batch, points, levels) each."""
        c = self.orbitals[self.geometry]
        return [found @ c for found in self.atoms.gaussians.at(z, self.protons, order)]

    def _spins(self, zeta: Tensor, order: int) -> tuple[list[Tensor], list[Tensor]]:
        """The same at the electrons of each spin."""
        return self.at(zeta[:, : self.n_up], order), self.at(zeta[:, self.n_up :], order)


def sampled(
    states: ProtonGeminals, generator: torch.Generator | None, fixed_shape: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """zeta (batch, 2 n, 3), whose walkers have found no place, and the largest density over its bound.

    Args:
        fixed_shape: as a GPU draws them; the rare ones without a place are to be drawn again.
    """
    hat = GridHat(states.atoms, states.geometries, states.orbitals)

    def placed(within: Tensor) -> tuple[Tensor, Tensor]:
        if fixed_shape:
            return hat.in_two_rounds(states.geometry, generator, within)
        z = hat.sample(states.geometry, generator, within)
        return z, torch.zeros_like(states.geometry, dtype=torch.bool)

    k = occupied(states.amplitudes, states.n_up, states.geometry, generator)
    amplitudes = states.amplitudes[states.geometry]
    up, missed = placed(one_hot(k, amplitudes.shape[1]).mT.to(amplitudes))
    down, also = placed(orthonormal_columns(amplitudes[..., None] * states.at(up, 0)[0].mT))
    return torch.cat([up, down], dim=1), missed | also, hat.largest


def orthonormal_columns(a: Tensor) -> Tensor:
    """A basis of the span of the columns of (batch, rows, n), without a call for each matrix on a GPU."""
    q = a[:, :, :0]
    for column in a.split(1, dim=2):
        for _ in range(2):  # Gram-Schmidt twice is orthogonal to rounding
            column = column - q @ (q.mT @ column)
        q = torch.cat([q, column / column.norm(dim=1, keepdim=True)], dim=2)
    return q
