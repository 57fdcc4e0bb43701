r"""Eigenstates of few electrons in a trap among the determinants of low energy, as what a flow transforms.

H conserves the total angular momentum M, so that determinants of one M mix: Phi_a = sum_K U_aK Phi_K with U
orthogonal, which no flow of single determinants expresses. H is that of electrons whose distances from the
centre of mass are stretched by a factor, which is where the flow starts: see `exact/trap_scaling.py`. The
factor is that of the best single determinants: what it leaves to the mixing is small, and quickly sampled.
A. Szabo, N. Ostlund, Modern Quantum Chemistry (1989), chapter 4. Energies in hbar omega.

What the flow does changes what is left to the mixing: the lowest state c of each M is trainable.
The others, u_a, turn with it by the rotation that brings the first lowest state u_0 to c,

    Phi_a = u_a - (u_a . c) (u_0 + c) / (1 + u_0 . c),

so that all states remain orthonormal.
"""

import math
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import fminbound
from scipy.special import logsumexp
from torch import Tensor, nn

from vfe_lightning.exact.trap_diagonalization import determinants
from vfe_lightning.exact.trap_scaling import ScaledHamiltonian
from vfe_lightning.wavefunctions.fock_darwin import FockDarwin
from vfe_lightning.wavefunctions.oscillator_superpositions import OscillatorSuperpositions
from vfe_lightning.wavefunctions.trapped_fermions import TrappedFermions

Floats = NDArray[np.float64]

_RAMP = 1e-7  # splits exact degeneracies, so that every machine finds the same states
_COLDEST = 30.0  # levels are listed up to so many T above the lowest
_NEGLIGIBLE = 3e-3  # smaller coefficients of a single state are left out


class _States(NamedTuple):
    """States of one angular momentum."""

    m: int
    sets: NDArray[np.int64]  # (terms, n)
    energies: Floats  # (states,)
    vectors: Floats  # (states, terms)
    trap: Floats  # (terms, terms)

    def below(self, highest: float) -> "_States":
        kept = self.energies <= highest
        return self._replace(energies=self.energies[kept], vectors=self.vectors[kept])

    def padded_sets(self, terms: int) -> NDArray[np.int64]:
        """Those of each state, the last one repeated for terms without weight: (states, terms, n)."""
        padded = np.pad(self.sets, ((0, terms - len(self.sets)), (0, 0)), "edge")
        return np.repeat(padded[None], len(self.energies), axis=0)


class TrapConfigurationInteraction(nn.Module):
    """All eigenstates of thermal weight, or the ground state; a state is named by its place in the list.

    Args:
        z: strength of the Coulomb interaction.
        beta: inverse temperature; inf is the lowest state of one angular momentum.
        cutoff: determinants mix whose energy without interaction is at most this above the lowest.
        angular_momentum: of the ground state; the thermal states have all of them.

    Attributes:
        scale: by which the flow stretches distances at first.
        free_energy: of the stretched states, an upper bound.
        energies, angular_momenta: of all states, (states,).
    """

    energies: Tensor
    angular_momenta: Tensor
    _trap: Tensor
    sets: Tensor
    _first: Tensor  # u, (states, terms)
    _block: Tensor  # place of each state's angular momentum in the list of these, (states,)
    _real: Tensor  # whether a term is there, (blocks, terms)
    _lead: Tensor  # place of the lowest state of each, (blocks,)

    def __init__(
        self, n_up: int, n_down: int, z: float, beta: float, cutoff: int, angular_momentum: int | None = None
    ) -> None:
        super().__init__()
        self.n_up = n_up
        lowest = _lowest(n_up, n_down, angular_momentum)
        blocks = determinants(n_up, n_down, lowest + cutoff)
        if math.isinf(beta):
            assert angular_momentum is not None
            blocks = {angular_momentum: blocks[angular_momentum]}
        parts = {m: ScaledHamiltonian.of(sets, z, n_up) for m, sets in blocks.items()}

        def of_determinants(scale: float) -> float:
            return _free_energy(np.concatenate([h.at(scale).diagonal() for h in parts.values()]), beta)

        reach = (1.0, 2 + z ** (1 / 3))  # of classical electrons it would be of the order of z^(1/3)
        self.scale = cast(float, fminbound(of_determinants, *reach, xtol=1e-6))
        states_of = _lowest_state if math.isinf(beta) else _all_states
        kept = [states_of(m, blocks[m], h.at(self.scale), h.trap) for m, h in parts.items()]
        highest = min(s.energies[0] for s in kept) + _COLDEST / beta
        kept = [s.below(highest) for s in kept if s.energies[0] <= highest]
        self.free_energy = _free_energy(np.concatenate([s.energies for s in kept]), beta)
        width, size = max(len(s.sets) for s in kept), [len(s.energies) for s in kept]
        tables = {
            "energies": np.concatenate([s.energies for s in kept]),
            "angular_momenta": np.concatenate([np.full(len(s.energies), s.m) for s in kept]),
            "_real": np.stack([np.arange(width) < len(s.sets) for s in kept]),
            "_block": np.repeat(np.arange(len(kept)), size),
            "_lead": np.cumsum(size) - size,
            "_trap": np.stack([np.pad(s.trap, (0, width - len(s.sets))) for s in kept]),
            "sets": np.concatenate([s.padded_sets(width) for s in kept]),
            "_first": np.concatenate([np.pad(s.vectors, ((0, 0), (0, width - len(s.sets)))) for s in kept]),
        }
        for name, table in tables.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(table)), persistent=False)
        self.lowest = nn.Parameter(self._first[self._lead].clone())  # c, of any length
        highest_orbital = max(int(s.sets.max()) for s in kept)
        self.orbitals = FockDarwin(next(s for s in range(1, 999) if highest_orbital < s * (s + 1) // 2))
        self.fermions = TrappedFermions(self.orbitals)

    def forward(self, state: Tensor) -> OscillatorSuperpositions:
        """The states with these places in the list, (batch, 1)."""
        place = state[:, 0]
        c = self.coefficients()[place]
        return OscillatorSuperpositions(self.orbitals, self.fermions, self.sets[place], c, self.n_up, state)

    @torch.no_grad()
    def coefficients(self) -> Tensor:
        """Of all states, orthonormal: (states, terms)."""
        u, c = self._first, nn.functional.normalize(self.lowest, dim=1)[self._block]
        first = self._first[self._lead[self._block]]
        middle = (first + c) / (1 + (first * c).sum(1, keepdim=True))
        turned = u - (u * c).sum(1, keepdim=True) * middle
        turned[self._lead] = c[self._lead]
        return turned

    def trap(self, state: Tensor) -> Tensor:
        """Mean 1/2 sum |r_i - R|^2 of these states, not stretched: (batch, 1) -> (batch,)."""
        c = self.coefficients()[state[:, 0]]
        return ((c[:, None] @ self._trap[self._block[state[:, 0]]])[:, 0] * c).sum(1)

    @torch.no_grad()
    def scores(self, states: OscillatorSuperpositions, zeta: Tensor) -> Tensor:
        """d ln Phi / d lowest, complex (batch, parameters), at zeta (batch, n, 2)."""
        place = states.state[:, 0]
        block = self._block[place]
        length = self.lowest.norm(dim=1)[block, None]
        c, u = self.lowest[block] / length, self._first[place]
        first = self._first[self._lead[block]]
        near = 1 + (first * c).sum(1, keepdim=True)
        middle = (first + c) / near
        v = states.shares(zeta) * self._real[block]
        along, across = (v * middle).sum(1, keepdim=True), (u * c).sum(1, keepdim=True)
        slope = -(along * u + across / near * (v - along * first))
        slope = torch.where((place == self._lead[block])[:, None], v, slope)
        slope = (slope - (slope * c).sum(1, keepdim=True) * c) / length
        rows = slope.new_zeros(len(place), *self.lowest.shape)
        rows[torch.arange(len(place), device=place.device), block] = slope
        return rows.flatten(1)


def _lowest(n_up: int, n_down: int, m: int | None) -> int:
    """Energy of the lowest determinant, of those of one angular momentum where it is given."""
    cutoff = n_up + n_down
    while True:
        blocks = determinants(n_up, n_down, cutoff)
        if blocks and (m is None or m in blocks):
            return cutoff
        cutoff += 1


def _free_energy(energies: Floats, beta: float) -> float:
    if math.isinf(beta):
        return float(energies.min())
    return -float(np.asarray(logsumexp(-beta * energies))) / beta


def _all_states(m: int, sets: NDArray[np.int64], h: Floats, trap: Floats) -> _States:
    energies, vectors = np.linalg.eigh(h + np.diag(_RAMP * np.arange(len(sets)) / len(sets)))
    return _States(m, sets, energies, vectors.T, trap)


def _lowest_state(m: int, sets: NDArray[np.int64], h: Floats, trap: Floats) -> _States:
    """The lowest state with its large coefficients, normalised again."""
    vector = np.linalg.eigh(h)[1][:, 0]
    large = np.abs(vector) > _NEGLIGIBLE
    c = vector[large] / np.linalg.norm(vector[large])
    h, trap = h[np.ix_(large, large)], trap[np.ix_(large, large)]
    return _States(m, sets[large], np.array([c @ h @ c]), c[None], trap)
