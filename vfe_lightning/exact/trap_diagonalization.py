"""Configuration interaction of a few electrons in a harmonic trap: rigorous upper bounds of E and F.

H is diagonalised in all products of an up and a down determinant of Fock-Darwin orbitals whose energy without
interaction is at most a cutoff, one total angular momentum at a time. Levels fall with the cutoff (Cauchy),
so that the ground state and F = -T ln Z are above the exact ones; their error falls as a power of the cutoff,
since no finite set of orbitals has the Coulomb cusp. Slater-Condon rules: A. Szabo, N. Ostlund, Modern
Quantum Chemistry (1989), section 2.3. Energies in hbar omega.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.special import logsumexp

from vfe_lightning.exact.trap_coulomb import pair_blocks, relative_integrals
from vfe_lightning.hamiltonians.oscillator import fock_darwin_quanta
from vfe_lightning.result import Reference

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def diagonalize_trap(n_up: int, n_down: int, z: float, beta: float, cutoff: int) -> Reference:
    """F, E, S at inverse temperature beta, inf for the ground state, within the cutoff.

    Args:
        cutoff: largest energy of a determinant without interaction, in hbar omega.

    Raises:
        ValueError: no determinant lies below the cutoff.
    """
    spectrum = levels(n_up, n_down, z, cutoff)
    if math.isinf(beta):
        energy = min(float(of_m[0]) for of_m in spectrum.values())
        return Reference(energy, energy, 0.0)
    e = np.concatenate([of_m for m, of_m in spectrum.items() for _ in range(1 if m == 0 else 2)])
    log_z = float(np.asarray(logsumexp(-beta * e)))
    energy = float(np.exp(-beta * e - log_z) @ e)
    return Reference(-log_z / beta, energy, log_z + beta * energy)


def bound(n_up: int, n_down: int, z: float, beta: float, cutoff: int, m: int | None = None) -> float:
    """An upper bound of F or, where a total angular momentum m is given, of the lowest energy that has it."""
    if m is not None and math.isinf(beta):
        return float(levels(n_up, n_down, z, max(cutoff, cutoff + abs(m)))[abs(m)][0])
    return diagonalize_trap(n_up, n_down, z, beta, cutoff).free_energy


@functools.lru_cache(maxsize=16)
def levels(n_up: int, n_down: int, z: float, cutoff: int) -> dict[int, Floats]:
    """Rising levels of each total angular momentum M >= 0; those of -M are the same.

    Raises:
        ValueError: no determinant lies below the cutoff.
    """
    blocks = determinants(n_up, n_down, cutoff)
    if not blocks:
        raise ValueError(
            f"no determinant of {n_up} + {n_down} electrons lies below cutoff = {cutoff}: raise it"
        )
    return {
        m: eigh(hamiltonian(states, z, n_up), eigvals_only=True) for m, states in blocks.items() if m >= 0
    }


def determinants(n_up: int, n_down: int, cutoff: int) -> dict[int, Ints]:
    """M -> all products of determinants up to the cutoff: sorted orbitals of each spin, (states, n)."""
    quanta = fock_darwin_quanta(max(cutoff, 1)).tolist()
    energies, m = [sum(q) + 1 for q in quanta], [plus - minus for plus, minus in quanta]
    found: dict[int, list[tuple[int, ...]]] = {}
    for up in _sets(energies, n_up, 0, cutoff - _lowest(energies, n_down)):
        left = cutoff - sum(energies[k] for k in up)
        for down in _sets(energies, n_down, 0, left):
            found.setdefault(sum(m[k] for k in (*up, *down)), []).append((*up, *down))
    return {total: np.array(states, dtype=np.int64) for total, states in sorted(found.items())}


def hamiltonian(states: Ints, z: float, n_up: int) -> Floats:  # (states, n) -> (states, states)
    """H among determinants of one total angular momentum, n_up of whose orbitals are of spin up."""
    h = np.diag(free_energies(states))
    return h + z * pair_operator(states, n_up, relative_integrals) if z else h


def free_energies(states: Ints) -> Floats:
    """Energies of determinants without interaction, (states, n) -> (states,)."""
    quanta = fock_darwin_quanta(_shells(int(states.max()) + 1)).numpy()
    return (quanta.sum(1) + 1.0)[states].sum(1)


def pair_operator(states: Ints, n_up: int, relative: Callable[[int, int], Floats]) -> Floats:
    """sum_{i<j} v_ij among the same determinants, v named by its relative motion: see `pair_blocks`.

    Two determinants that share their n - 2 spectators differ in one pair of electrons (a, b) -> (c, d):
    <ab|v|cd>, less <ab|v|dc> for equal spins, times the signs that bring the pair to the front.
    """
    quanta = fock_darwin_quanta(_shells(int(states.max()) + 1)).numpy()
    found = np.zeros((len(states), len(states)))
    if states.shape[1] == 1:
        return found
    m = quanta[:, 0] - quanta[:, 1]
    of_pairs = [quanta.sum(1)[states[:, list(pair)]].sum(1).max() for pair in _pairs(states.shape[1])]
    blocks, where = _pair_table(len(quanta), int(max(of_pairs)), relative)
    for rows, sign, a, b, same_spin in _pairs_by_spectators(states, n_up):
        v = blocks[int(m[a[0]] + m[b[0]])]
        element = v[np.ix_(where[a, b], where[a, b])]
        if same_spin:
            element = element - v[np.ix_(where[a, b], where[b, a])]
        found[np.ix_(rows, rows)] += sign[:, None] * sign * element
    return found


@functools.lru_cache(maxsize=6)
def _pair_table(
    orbitals: int, quanta: int, relative: Callable[[int, int], Floats]
) -> tuple[dict[int, Floats], Ints]:
    """Blocks of v by the m of a pair of so many quanta, and the place of each pair in its block."""
    table = fock_darwin_quanta(_shells(orbitals)).numpy()
    index = np.full((quanta + 1, quanta + 1), -1)  # of the orbital (n_+, n_-)
    known = table.sum(1) <= quanta
    index[tuple(table[known].T)] = np.flatnonzero(known)
    where = np.full((orbitals, orbitals), -1)
    blocks = {}
    for total, (pairs, v) in pair_blocks(quanta, relative).items():
        blocks[total] = v
        a, b = index[pairs[:, 0], pairs[:, 1]], index[pairs[:, 2], pairs[:, 3]]
        known = (a >= 0) & (b >= 0)
        where[a[known], b[known]] = np.flatnonzero(known)
    return blocks, where


def _pairs_by_spectators(states: Ints, n_up: int) -> Iterator[tuple[Ints, Ints, Ints, Ints, bool]]:
    """For each set of spectators: the states that have it, signs, both orbitals of the pair, equal spins?"""
    n, width = states.shape[1], int(states.max()) + 1
    rows = np.arange(len(states))
    for of_up in range(max(0, 2 - (n - n_up)), min(2, n_up) + 1):  # electrons of the pair with spin up
        pairs = [(p, q) for p, q in _pairs(n) if (p < n_up) + (q < n_up) == of_up]
        parts = []
        for p, q in pairs:
            spectators = np.delete(states, (p, q), axis=1)
            code = spectators @ width ** np.arange(n - 2) if n > 2 else np.zeros_like(rows)
            parts.append((code, rows, np.full_like(rows, (-1) ** (p + q - 1)), states[:, p], states[:, q]))
        code, row, sign, a, b = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(code, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(code[order])) + 1):
            yield row[group], sign[group], a[group], b[group], of_up != 1


def _pairs(n: int) -> list[tuple[int, int]]:
    return list(itertools.combinations(range(n), 2))


def _sets(energies: list[int], n: int, start: int, budget: int) -> Iterator[tuple[int, ...]]:
    """Sorted sets of n orbitals from `start` on with a total energy of at most `budget`."""
    if n == 0:
        if budget >= 0:
            yield ()
        return
    for k in range(start, len(energies)):
        if n * energies[k] > budget:
            return
        for rest in _sets(energies, n - 1, k + 1, budget - energies[k]):
            yield (k, *rest)


def _lowest(energies: list[int], n: int) -> int:
    return sum(energies[:n])


def _shells(orbitals: int) -> int:
    """The fewest shells that hold so many orbitals."""
    return next(s for s in itertools.count(1) if s * (s + 1) // 2 >= orbitals)
