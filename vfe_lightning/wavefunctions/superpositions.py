r"""Superpositions of determinants of plane waves, Phi(zeta) = sum_K c_K Phi_K(zeta), for few fermions.

A determinant is a sum of n! plane waves in the space of all coordinates,

    Phi_K = (n! L^(dim n))^(-1/2) sum_P sign(P) exp(i sum_j k_P(j) . zeta_j),

and the product of an up and a down determinant one of n_up! n_down!, over permutations within each spin, so
that with the weights w_KP = c_K sign(P) exp(i kappa_KP . zeta) / sum of the same, kappa_KP = (k_P(j))_j,

    d ln Phi = i sum w kappa = g,        d d ln Phi = -sum w kappa kappa^T - g g^T.
"""

import functools
import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from vfe_lightning.wavefunctions.free_fermions import free_fermions
from vfe_lightning.wavefunctions.mixture_rejection import mixture_rejection

_CHUNK = 32  # proposals of the sampler whose plane waves stay in cache


class SuperpositionJet(NamedTuple):
    """ln Phi at a batch of points and what its derivatives are made of."""

    log_psi: Tensor  # (batch,), complex
    gradient: Tensor  # (batch, n, dim), complex
    weights: Tensor  # (batch, waves), complex: w
    kappa: Tensor  # (batch, waves, n dim)

    def hessian_contraction(self, metric: Tensor) -> Tensor:
        """sum_ab (d_a d_b ln Phi) metric_ab for symmetric real metrics: (batch, n dim, n dim) -> (batch,)."""
        squares = ((self.kappa @ metric) * self.kappa).sum(2)
        g = self.gradient.flatten(1)
        return -(self.weights * squares).sum(1) - ((g[:, None] @ metric.to(g.dtype))[:, 0] * g).sum(1)


@dataclass(frozen=True)
class Superpositions:
    """A batch of normalised superpositions of determinants of one total momentum: `BaseStates`."""

    k: Tensor  # (batch, terms, n, dim): wave vectors with their factor 2 pi / L
    coefficients: Tensor  # (batch, terms), real; zero where a walker has fewer terms
    length: float  # side L of the cube
    n_down: int = 0  # of the n electrons; they stand last

    @property
    def momentum(self) -> Tensor:
        return self.k[:, 0].sum(dim=1)

    def __getitem__(self, rows: slice | Tensor) -> "Superpositions":
        return Superpositions(self.k[rows], self.coefficients[rows], self.length, self.n_down)

    def __len__(self) -> int:
        return len(self.k)

    def log_psi(self, zeta: Tensor) -> Tensor:
        return self._log((self.coefficients * self._waves(zeta).sum(2)).sum(1))

    def gradient(self, zeta: Tensor) -> Tensor:
        weights, _ = self._weights(zeta)
        return 1j * (weights[:, None] @ self._kappa().to(weights.dtype)).view(zeta.shape)

    def jet(self, zeta: Tensor) -> SuperpositionJet:
        weights, total = self._weights(zeta)
        kappa = self._kappa()
        gradient = 1j * (weights[:, None] @ kappa.to(weights.dtype)).view(zeta.shape)
        return SuperpositionJet(self._log(total), gradient, weights, kappa)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Exact, independent zeta ~ |Phi|^2, one a walker, by rejection."""

        def propose(rows: Tensor, term: Tensor) -> Tensor:
            spins = self.k[rows, term].split(self._sizes, 1)
            return torch.cat([free_fermions(k, self.length, generator) for k in spins], dim=1)

        def chance(rows: Tensor, proposed: Tensor) -> Tensor:
            chunks = zip(rows.split(_CHUNK), proposed.split(_CHUNK), strict=True)
            return torch.cat([self[r]._acceptance(y) for r, y in chunks])

        return mixture_rejection(self.coefficients, propose, chance, generator)

    def _acceptance(self, zeta: Tensor) -> Tensor:
        determinants, size = self._waves(zeta).sum(2), self.coefficients.abs()
        density = (self.coefficients * determinants).sum(1).abs().square()
        return density / (size.sum(1) * (size * determinants.abs().square()).sum(1))

    @property
    def _sizes(self) -> list[int]:
        n = self.k.shape[2]
        return [n - self.n_down, self.n_down] if self.n_down else [n]

    def _waves(self, zeta: Tensor) -> Tensor:
        """sign(P) exp(i kappa_KP . zeta): (batch, n, dim) -> (batch, terms, permutations)."""
        angle = zeta[:, None] @ self.k.mT  # [j, a] = zeta_j . k_a
        waves = torch.polar(torch.ones_like(angle), angle)
        order, sign = _permutations(self._sizes, zeta.device)
        factors = (waves[:, :, j].index_select(2, order[:, j]) for j in range(self.k.shape[2]))
        return functools.reduce(torch.mul, factors) * sign

    def _weights(self, zeta: Tensor) -> tuple[Tensor, Tensor]:
        """w of all plane waves, (batch, waves), and their sum before it was divided out, (batch,)."""
        amplitudes = (self.coefficients[:, :, None] * self._waves(zeta)).flatten(1)
        total = amplitudes.sum(1)
        return amplitudes / total[:, None], total

    def _kappa(self) -> Tensor:  # (batch, waves, n dim)
        order, _ = _permutations(self._sizes, self.k.device)
        return self.k[:, :, order].flatten(3).flatten(1, 2)

    def _log(self, total: Tensor) -> Tensor:
        n, dim = self.k.shape[2:]
        permutations = sum(math.lgamma(size + 1) for size in self._sizes)
        return total.log() - 0.5 * (permutations + dim * n * math.log(self.length))


def _permutations(sizes: list[int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Orders of n things within groups of some sizes, and their signs: (orders, n) and (orders,), float64."""
    first = itertools.accumulate([0, *sizes])
    groups = [itertools.permutations(range(i, i + size)) for i, size in zip(first, sizes, strict=False)]
    orders = [tuple(itertools.chain(*parts)) for parts in itertools.product(*groups)]
    crossings = [sum(a > b for a, b in itertools.combinations(order, 2)) for order in orders]
    sign = torch.tensor([(-1.0) ** c for c in crossings], dtype=torch.float64, device=device)
    return torch.tensor(orders, device=device), sign
