r"""Relative motion of 2 or 3 electrons in the periodic box, in plane-wave determinants of each spin.

The total momentum Q (an integer vector, units of 2 pi / L) is conserved, and moving every electron
to k + m, m an integer vector, changes Q by n m and the kinetic energy of the centre of mass only:

    H = (2 pi / L)^2 |Q + n twist|^2 / n + H_rel[Q mod n].

So n^dim Hamiltonians hold the whole spectrum, at every twist; reflections and permutations of the
axes leave three (2D) or four (3D) of them to diagonalise. In units of (2 pi / L)^2,

    H_rel = sum_i |k_i|^2 - |Q|^2 / n + g sum_{i<j} w(k_i - k_i'),   g = r_s L / (2 pi^2),

with w(q) = 1/|q| in 2D, 1/(pi q^2) in 3D, w(0) = 0 (neutralising background): the Fourier series of
the Ewald pair potential (`hamiltonians/ewald.py`) as kappa -> infinity. Electrons of spin up stand first;
exchange is between equal spins alone. The Madelung constant is left out here. Slater-Condon rules:
A. Szabo, N. Ostlund, Modern Quantum Chemistry (1989), section 2.3.
"""

import itertools
import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigvalsh
from scipy.sparse import csr_array

from vfe_lightning.hamiltonians.periodic_box import box_length

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Momentum = tuple[int, ...]


def coupling(n: int, dim: int, rs: float) -> float:
    """g = r_s L / (2 pi^2), the prefactor 2 r_s / L of the Ewald sum in units of (2 pi / L)^2."""
    return rs * box_length(n, dim) / (2 * math.pi**2)


def representative(total: Momentum, n: int) -> Momentum:
    """The class whose H_rel has the spectrum of total momentum `total`: shifts, reflections, permutations."""
    folded = (q % n for q in total)
    return tuple(sorted(min(q, n - q) for q in folded))


def determinants(n: int, total: Momentum, cutoff: float, n_down: int = 0) -> Ints:
    """All sets {k_1 < ... < k_n}, n = 2 or 3, of sum `total` with sum |k_i|^2 - |total|^2/n <= cutoff.

    n_down of the n electrons are of spin down: 0, or 1 that stands last.

    Returns:
        (states, n, dim); the momenta of each spin of a state stand in lexicographic order.
    """
    q = np.array(total)
    radius = math.sqrt(cutoff * (n - 1) / n)  # of one electron's share of the kinetic energy
    axis = np.arange(math.floor(q.min() / n - radius), math.ceil(q.max() / n + radius) + 1)
    k = np.stack(np.meshgrid(*[axis] * len(q), indexing="ij"), -1).reshape(-1, len(q))
    k = k[((k - q / n) ** 2).sum(1) <= radius**2 + 1e-9]
    if n == 2:
        sets = np.stack([k, q - k], axis=1)
    else:
        i, j = np.triu_indices(len(k), 1)
        sets = np.stack([k[i], k[j], q - k[i] - k[j]], axis=1)
    ordered = (np.diff(sets[:, : n - n_down] @ _strides(sets), axis=1) > 0).all(1)
    inside = n * (sets**2).sum((1, 2)) - q @ q <= n * cutoff + 1e-9
    return sets[ordered & inside]


def kinetic(sets: Ints) -> Floats:  # (states, n, dim) -> (states,)
    """Relative kinetic energy, in (2 pi / L)^2."""
    return (sets**2).sum((1, 2)) - (sets.sum(1) ** 2).sum(1) / sets.shape[1]


def diagonal(sets: Ints, g: float, n_down: int = 0) -> Floats:  # (states, n, dim) -> (states,)
    """<K|H_rel|K>: kinetic energy and exchange, in (2 pi / L)^2."""
    pairs = itertools.combinations(range(sets.shape[1] - n_down), 2)
    return kinetic(sets) - g * sum(_potential(sets[:, i] - sets[:, j]) for i, j in pairs)


def hamiltonian(sets: Ints, g: float, n_down: int = 0) -> Floats:  # (states, n, dim) -> (states, states)
    """H_rel among determinants of one total momentum, in (2 pi / L)^2.

    Two states that share their n - 2 spectators differ in one pair (a, b) -> (a', b') of equal sum:
    <a'b'|w|ab> = g [w(a' - a) - w(b' - a)], the second for equal spins, times the signs that bring the pair
    to the front.
    """
    n, dim = sets.shape[1:]
    reach = _width(sets) // 2
    grid = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * dim, indexing="ij"), -1)
    w = g * _potential(grid).ravel()
    origin = len(w) // 2
    codes = sets @ _strides(sets)  # the difference of two codes is the index in w of the momentum transfer
    h = np.diag(kinetic(sets))
    for states, sign, a, b, equal in _pairs_by_spectator(codes, n, n_down):
        element = w[origin + a[:, None] - a]
        if equal:
            element = element - w[origin + b[:, None] - a]
        h[np.ix_(states, states)] += sign[:, None] * sign * element
    return h


def relative_levels(n: int, total: Momentum, g: float, cutoff: float, n_down: int = 0) -> Floats:
    """Ascending eigenvalues of H_rel[total] below the kinetic cutoff, in (2 pi / L)^2."""
    sets = determinants(n, total, cutoff, n_down)
    h = hamiltonian(sets, g, n_down)
    blocks = [eigvalsh(s.T @ (s.T @ h).T, overwrite_a=True) for s in _symmetry_blocks(sets, total, n_down)]
    return np.sort(np.concatenate(blocks))


def _potential(q: Ints) -> Floats:  # (..., dim) -> (...)
    """w(q), the Fourier coefficients of the pair potential; zero at q = 0."""
    q2 = (q**2).sum(-1).astype(np.float64)
    q2[q2 == 0] = np.inf
    return 1 / np.sqrt(q2) if q.shape[-1] == 2 else 1 / (np.pi * q2)


def _width(sets: Ints) -> int:
    """Number of values that a difference of two momentum components can take."""
    return 4 * int(np.abs(sets).max()) + 1


def _strides(sets: Ints) -> Ints:  # (dim,): k @ strides is lexicographic, also in differences
    return _width(sets) ** np.arange(sets.shape[-1] - 1, -1, -1)


def _pairs_by_spectator(codes: Ints, n: int, n_down: int):
    """Groups (states, sign, a, b, equal spins?) of the pairs (a, b) whose spectators are the same."""
    states = np.arange(len(codes))
    if n == 2:
        return [(states, np.ones(len(codes)), codes[:, 0], codes[:, 1], n_down == 0)]
    of_left = {0: (1, 2, 1.0), 1: (0, 2, -1.0), 2: (0, 1, 1.0)}
    found = []
    for spectators in [[0, 1, 2]] if n_down == 0 else [[0, 1], [2]]:  # of one spin
        first, second, signs = zip(*(of_left[s] for s in spectators), strict=True)
        spectator, a, b = (codes[:, list(i)].T.ravel() for i in (spectators, first, second))
        sign = np.repeat(signs, len(codes))
        order = np.argsort(spectator, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(spectator[order])) + 1)
        equal = n_down == 0 or spectators == [2]
        found += [(g % len(codes), sign[g], a[g], b[g], equal) for g in groups]
    return found


def _symmetry_blocks(sets: Ints, total: Momentum, n_down: int) -> list[csr_array]:
    """Orthonormal bases (states, size) of the sectors even or odd under commuting reflections.

    Reflections of an axis keep the class where 2 total/n is an integer; of the other axes, the
    exchange of the first two with equal components is used. One electron of each spin are exchanged, too:
    singlets are even, triplets odd.
    """
    n, dim = sets.shape[1:]
    mirrored = [d for d in range(dim) if 2 * total[d] % n == 0]
    swaps = [
        p for p in itertools.combinations(set(range(dim)) - set(mirrored), 2) if total[p[0]] == total[p[1]]
    ]
    images = [_reflect(sets, d, 2 * total[d] // n) for d in mirrored]
    images += [_swap(sets, *pair) for pair in swaps[:1]]
    if n == 2 and n_down:
        images.append(sets[:, ::-1])
    generators = [_signed_permutation(sets, image, n - n_down) for image in images]
    identity = (np.arange(len(sets)), np.ones(len(sets)))
    blocks = []
    for parities in itertools.product([1, -1], repeat=len(generators)):
        group = [identity]  # (permutation, sign times character) of every element of the group
        for (to, sign), parity in zip(generators, parities, strict=True):
            group += [(to[p], parity * s * sign[p]) for p, s in group]
        seeds = np.flatnonzero(np.min([p for p, _ in group], axis=0) == identity[0])  # one an orbit
        rows = np.concatenate([p[seeds] for p, _ in group])
        values = np.concatenate([s[seeds] for _, s in group])
        columns = np.tile(np.arange(len(seeds)), len(group))
        projected = csr_array((values, (rows, columns)), shape=(len(sets), len(seeds)))
        norm = np.sqrt(projected.multiply(projected).sum(axis=0))
        kept = np.flatnonzero(norm > 0.5)  # integers summed: an orbit is absent from a sector exactly
        if len(kept):
            blocks.append(csr_array(projected[:, kept] / norm[kept]))
    return blocks


def _reflect(sets: Ints, axis: int, shift: int) -> Ints:
    image = sets.copy()
    image[..., axis] = shift - image[..., axis]
    return image


def _swap(sets: Ints, i: int, j: int) -> Ints:
    image = sets.copy()
    image[..., [i, j]] = sets[..., [j, i]]
    return image


def _signed_permutation(sets: Ints, image: Ints, n_up: int) -> tuple[Ints, Floats]:
    """The state each image is, and the sign of sorting its momenta of spin up, before at most one of down."""
    codes = image @ _strides(sets)
    sign = np.ones(len(codes))
    for i, j in itertools.combinations(range(n_up), 2):
        sign = np.where(codes[:, i] > codes[:, j], -sign, sign)
    codes[:, :n_up] = np.sort(codes[:, :n_up], axis=1)
    order, rank = np.lexsort((sets @ _strides(sets)).T), np.lexsort(codes.T)
    to = np.empty(len(sets), dtype=np.int64)
    to[rank] = order
    return to, sign
