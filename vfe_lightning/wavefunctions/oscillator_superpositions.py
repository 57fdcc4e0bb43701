r"""Superpositions of products of an up and a down determinant, Phi = sum_K c_K Phi_K, in a trap.

With the weights w_K = c_K Phi_K / Phi, and g_K and H_K the gradient and Hessian of ln Phi_K,

    d ln Phi = sum_K w_K g_K = g,        d d ln Phi = sum_K w_K (H_K + g_K g_K^T) - g g^T.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from vfe_lightning.wavefunctions.fock_darwin import FockDarwin, OrbitalJet
from vfe_lightning.wavefunctions.mixture_rejection import mixture_rejection
from vfe_lightning.wavefunctions.oscillator_determinants import (
    OscillatorDeterminants,
    log_det,
    log_det_gradient,
    slater_jet,
)
from vfe_lightning.wavefunctions.trapped_fermions import TrappedFermions
from vfe_lightning.wavefunctions.two_spin_jet import TwoSpinJet

_CHUNK = 64  # proposals of the sampler whose determinants stay in cache


class MixedJet(NamedTuple):
    """ln Phi at a batch of points and what its derivatives are made of."""

    log_psi: Tensor  # (batch,), complex
    gradient: Tensor  # (batch, n, 2), complex
    weights: Tensor  # (batch, terms), complex: w
    terms: TwoSpinJet  # of all determinants, (batch * terms, ...)

    def hessian_contraction(self, metric: Tensor) -> Tensor:
        """sum_ab (d_a d_b ln Phi) metric_ab for symmetric real metrics: (batch, n dim, n dim) -> (batch,)."""
        count = self.weights.shape[1]
        of_terms = self.terms.gradient.flatten(1).view(*self.weights.shape, -1)
        every = torch.cat([of_terms, self.gradient.flatten(1)[:, None]], dim=1)
        squares = ((every @ metric.to(every.dtype)) * every).sum(2)
        curvature = self.terms.hessian_contraction(metric.repeat_interleave(count, dim=0))
        inner = curvature.view(self.weights.shape) + squares[:, :count]
        return (self.weights * inner).sum(1) - squares[:, count]


@dataclass(frozen=True)
class OscillatorSuperpositions:
    """A batch of normalised superpositions of determinants of one angular momentum: `BaseStates`."""

    orbitals: FockDarwin
    sampler: TrappedFermions
    sets: Tensor  # (batch, terms, n_up + n_down): sorted orbitals of each spin
    coefficients: Tensor  # (batch, terms), real; zero where a walker has fewer terms
    n_up: int
    state: Tensor  # (batch, 1): names of the states, for whoever made them

    @property
    def momentum(self) -> Tensor:
        """Total angular momentum, (batch, 1)."""
        return self._determinants(self.sets[:, 0]).momentum

    def __getitem__(self, rows: slice | Tensor) -> "OscillatorSuperpositions":
        return OscillatorSuperpositions(
            self.orbitals,
            self.sampler,
            self.sets[rows],
            self.coefficients[rows],
            self.n_up,
            self.state[rows],
        )

    def __len__(self) -> int:
        return len(self.sets)

    def log_psi(self, zeta: Tensor) -> Tensor:
        return self._mix(self._log_terms(zeta))[1]

    def gradient(self, zeta: Tensor) -> Tensor:
        logs, slopes = [], []
        for z, sets in self._spins(zeta):
            value, slope = (_columns(t, sets) for t in self.orbitals.all_slopes(z))
            logs.append(log_det(value))
            slopes.append(log_det_gradient(value, slope))
        weights, _ = self._mix(sum(logs[1:], logs[0]).view(self.coefficients.shape))
        return self._mean(weights, torch.cat(slopes, dim=1))

    def shares(self, zeta: Tensor) -> Tensor:
        """Phi_K / Phi of all terms, complex (batch, terms)."""
        log_terms = self._log_terms(zeta)
        return (log_terms - self._mix(log_terms)[1][:, None]).exp()

    def jet(self, zeta: Tensor) -> MixedJet:
        spins = []
        for z, sets in self._spins(zeta):
            jets = self.orbitals.all_jets(z)
            spins.append(slater_jet(OrbitalJet(*(_columns(t, sets) for t in jets))))
        terms = TwoSpinJet(spins)
        weights, log_psi = self._mix(terms.log_psi.view(self.coefficients.shape))
        return MixedJet(log_psi, self._mean(weights, terms.gradient), weights, terms)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Exact, independent zeta ~ |Phi|^2, one a walker, by rejection."""

        def propose(rows: Tensor, term: Tensor) -> Tensor:
            return self._determinants(self.sets[rows, term]).sample(generator)

        def chance(rows: Tensor, proposed: Tensor) -> Tensor:
            chunks = zip(rows.split(_CHUNK), proposed.split(_CHUNK), strict=True)
            return torch.cat([self[r]._acceptance(y) for r, y in chunks])

        return mixture_rejection(self.coefficients, propose, chance, generator)

    def _acceptance(self, zeta: Tensor) -> Tensor:
        log_terms, size = self._log_terms(zeta), self.coefficients.abs()
        density = (2 * self._mix(log_terms)[1].real).exp()
        return density / (size.sum(1) * (size * (2 * log_terms.real).exp()).sum(1))

    def _determinants(self, occupied: Tensor) -> OscillatorDeterminants:
        return OscillatorDeterminants(self.orbitals, self.sampler, occupied, self.n_up)

    def _spins(self, zeta: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Coordinates and orbitals of each spin that has electrons."""
        cut = [self.n_up, zeta.shape[1] - self.n_up]
        pairs = zip(zeta.split(cut, 1), self.sets.split(cut, 2), strict=True)
        return [(z, sets) for z, sets in pairs if z.shape[1]]

    def _log_terms(self, zeta: Tensor) -> Tensor:
        """ln Phi_K of all terms, complex (batch, terms)."""
        parts = [log_det(_columns(self.orbitals.values(z), sets)) for z, sets in self._spins(zeta)]
        return sum(parts[1:], parts[0]).view(self.coefficients.shape)

    def _mean(self, weights: Tensor, gradients: Tensor) -> Tensor:
        """d ln Phi from those of all terms, (batch * terms, n, 2)."""
        return (weights[:, :, None, None] * gradients.view(*weights.shape, -1, 2)).sum(1)

    def _mix(self, log_terms: Tensor) -> tuple[Tensor, Tensor]:
        """w, (batch, terms), and ln Phi, (batch,)."""
        largest = log_terms.real.max(dim=1, keepdim=True).values
        amplitudes = self.coefficients * (log_terms - largest).exp()
        total = amplitudes.sum(1, keepdim=True)
        return amplitudes / total, (total.log() + largest)[:, 0]


def _columns(table: Tensor, sets: Tensor) -> Tensor:
    """Orbitals of each term: (batch, ..., points, all) -> (batch * terms, ..., points, n)."""
    if table.dim() == 3:
        return _columns(table[:, None], sets)[:, 0]
    batch, terms, n = sets.shape
    index = sets.reshape(batch, 1, 1, terms * n).expand(-1, *table.shape[1:3], -1)
    found = table.gather(3, index).unflatten(3, (terms, n))
    return found.permute(0, 3, 1, 2, 4).flatten(0, 1)
