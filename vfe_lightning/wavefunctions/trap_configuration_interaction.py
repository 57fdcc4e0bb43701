r"""Eigenstates of few electrons in a trap among the determinants of low energy, as what a flow transforms.

H conserves the total angular momentum M, so that determinants of one M mix: Phi_a = sum_K U_aK Phi_K with U
orthogonal, which no flow of single determinants expresses. H is that of electrons whose distances from the
centre of mass are stretched by a factor, which is where the flow starts: see `exact/trap_scaling.py`. The
factor is that of the best single determinants: what it leaves to the mixing is small, and quickly sampled.
A. Szabo, N. Ostlund, Modern Quantum Chemistry (1989), chapter 4. Energies in hbar omega.
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
    trap: Floats  # (states,), or of a single state (terms, terms)

    def below(self, highest: float) -> "_States":
        kept = self.energies <= highest
        trap = self.trap if self.trap.ndim == 2 else self.trap[kept]
        return self._replace(energies=self.energies[kept], vectors=self.vectors[kept], trap=trap)

    def padded_sets(self, terms: int) -> NDArray[np.int64]:
        """Those of each state, the last one repeated for terms without weight: (states, terms, n)."""
        padded = np.pad(self.sets, ((0, terms - len(self.sets)), (0, 0)), "edge")
        return np.repeat(padded[None], len(self.energies), axis=0)


class TrapConfigurationInteraction(nn.Module):
    """All eigenstates of thermal weight, or the ground state; a state is named by its place in the list.

    The coefficients of the ground state are trainable: what the flow does changes what is left to the mixing.
    Those of thermal states are fixed, which keeps them orthonormal.

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
    coefficients: Tensor  # (states, terms)

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
        width = max(len(s.sets) for s in kept)
        tables = {
            "energies": np.concatenate([s.energies for s in kept]),
            "angular_momenta": np.concatenate([np.full(len(s.energies), s.m) for s in kept]),
            "_trap": np.concatenate([s.trap for s in kept]),
            "sets": np.concatenate([s.padded_sets(width) for s in kept]),
            "coefficients": np.concatenate(
                [np.pad(s.vectors, ((0, 0), (0, width - len(s.sets)))) for s in kept]
            ),
        }
        if math.isinf(beta):
            self.coefficients = nn.Parameter(torch.from_numpy(tables.pop("coefficients")))
        for name, table in tables.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(table)), persistent=False)
        highest_orbital = max(int(s.sets.max()) for s in kept)
        self.orbitals = FockDarwin(next(s for s in range(1, 999) if highest_orbital < s * (s + 1) // 2))
        self.fermions = TrappedFermions(self.orbitals)

    def forward(self, state: Tensor) -> OscillatorSuperpositions:
        """The states with these places in the list, (batch, 1)."""
        place = state[:, 0]
        c = nn.functional.normalize(self.coefficients.detach(), dim=1)[place]
        return OscillatorSuperpositions(self.orbitals, self.fermions, self.sets[place], c, self.n_up)

    def trap(self, state: Tensor) -> Tensor:
        """Mean 1/2 sum |r_i - R|^2 of these states, not stretched: (batch, 1) -> (batch,)."""
        if self._trap.dim() == 1:
            return self._trap[state[:, 0]]
        c = nn.functional.normalize(self.coefficients.detach(), dim=1)
        return (c @ self._trap @ c.T)[0].expand(len(state))

    def scores(self, states: OscillatorSuperpositions, zeta: Tensor) -> Tensor:
        """d ln Phi / d coefficients of a ground state, complex (batch, terms); (batch, 0) of thermal ones."""
        if not isinstance(self.coefficients, nn.Parameter):
            return torch.zeros(len(zeta), 0, dtype=torch.complex128, device=zeta.device)
        return (states.shares(zeta) - states.coefficients) / self.coefficients.detach().norm()


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
    return _States(m, sets, energies, vectors.T, ((trap @ vectors) * vectors).sum(0))


def _lowest_state(m: int, sets: NDArray[np.int64], h: Floats, trap: Floats) -> _States:
    """The lowest state with its large coefficients, normalised again."""
    vector = np.linalg.eigh(h)[1][:, 0]
    large = np.abs(vector) > _NEGLIGIBLE
    c = vector[large] / np.linalg.norm(vector[large])
    h, trap = h[np.ix_(large, large)], trap[np.ix_(large, large)]
    return _States(m, sets[large], np.array([c @ h @ c]), c[None], trap)
