r"""Matrix elements of pair operators, of 1 / |r_1 - r_2| above all, between Fock-Darwin orbitals.

Each circular oscillator of a pair separates into centre of mass c and relative motion d by itself, with
a_1 = (c + d) / sqrt 2 and a_2 = (c - d) / sqrt 2, a rotation of two modes: no alternating sums. In relative
motion the interaction conserves m and its radial integrals are exact by Gauss-Laguerre quadrature:

    <k|1 / r_12|k'> = <n_r m|s^-1|n_r' m> / sqrt 2,        s = |r_1 - r_2| / sqrt 2.
"""

import functools
import itertools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import eval_genlaguerre, gammaln, roots_genlaguerre

Floats = NDArray[np.float64]
Quads = NDArray[np.int64]


@functools.cache
def separation(quanta: int) -> Floats:
    """<k relative quanta|n_1, quanta - n_1> of one oscillator of two particles: [n_1, k], orthogonal."""
    table = np.zeros((quanta + 1, quanta + 1))
    if quanta == 0:
        return np.ones((1, 1))
    smaller, k = separation(quanta - 1), np.arange(quanta)
    # raise particle 1 where it has quanta, particle 2 otherwise
    for n_1 in range(quanta + 1):
        sign, low = (1.0, n_1 - 1) if n_1 else (-1.0, 0)
        raised = n_1 if n_1 else quanta
        table[n_1, :-1] += np.sqrt((quanta - k) / (2 * raised)) * smaller[low]
        table[n_1, 1:] += sign * np.sqrt((k + 1) / (2 * raised)) * smaller[low]
    return table


@functools.cache
def relative_integrals(m: int, size: int) -> Floats:
    """<n m|1 / r_12|n' m> for n, n' < size, in the phases of the ladder operators."""
    m = abs(m)
    u, weight = roots_genlaguerre(size + 1, m - 0.5)
    n = np.arange(size)
    norm = np.exp(0.5 * (gammaln(n + 1) - gammaln(n + m + 1)))
    laguerre = norm[:, None] * (-1.0) ** n[:, None] * eval_genlaguerre(n[:, None], m, u)
    return (laguerre * weight) @ laguerre.T / math.sqrt(2)


@functools.cache
def relative_trap(m: int, size: int) -> Floats:
    """<n m|s^2 / 2|n' m> for n, n' < size, the potential energy of the relative motion."""
    return _relative_oscillator(m, size, 0.5)


@functools.cache
def relative_kinetic(m: int, size: int) -> Floats:
    """<n m|-nabla_s^2 / 2|n' m> for n, n' < size, the kinetic energy of the relative motion."""
    return _relative_oscillator(m, size, -0.5)


def _relative_oscillator(m: int, size: int, sign: float) -> Floats:
    """Half of the energy, and d_+ d_- with its adjoint."""
    n, m = np.arange(size), abs(m)
    ladder = sign * np.sqrt(n[1:] * (n[1:] + m))
    return np.diag(n + 0.5 * (m + 1)) + np.diag(ladder, 1) + np.diag(ladder, -1)


def pair_blocks(
    quanta: int, relative: Callable[[int, int], Floats] = relative_integrals
) -> dict[int, tuple[Quads, Floats]]:
    """<ab|v|cd> of two distinguishable particles, by their total m, up to so many quanta of the pair.

    Args:
        relative: (m, size) -> <n m|v|n' m>; 1 / r_12 by default.

    Returns:
        m -> the pairs (n_1+, n_1-, n_2+, n_2-), (pairs, 4), and the matrix (pairs, pairs).
    """
    return {m: _block(m, quanta, relative) for m in range(-quanta, quanta + 1)}


def _block(m: int, quanta: int, integrals: Callable[[int, int], Floats]) -> tuple[Quads, Floats]:
    """To centre of mass and relative motion and back, for each number of quanta of either oscillator."""
    ladder = [(q + max(m, 0), q + max(-m, 0)) for q in range((quanta - abs(m)) // 2 + 1)]
    pairs = [_pairs(plus, minus) for plus, minus in ladder]
    separated = [np.kron(separation(plus), separation(minus)) for plus, minus in ladder]
    edges = np.cumsum([0, *map(len, pairs)])
    found = np.zeros((edges[-1], edges[-1]))
    for (i, (plus, minus)), j in itertools.product(enumerate(ladder), range(len(ladder))):
        if j < i:
            continue
        # the centre of mass keeps its quanta: all that is added goes to the relative motion
        more = ladder[j][0] - plus
        k, low = (t.ravel() for t in np.meshgrid(np.arange(plus + 1), np.arange(minus + 1), indexing="ij"))
        column = (k + more) * (minus + more + 1) + low + more
        nodes = np.minimum(k, low)
        radial = np.zeros(len(k))
        for relative in np.unique(np.abs(k - low)):
            of_m = np.abs(k - low) == relative
            table = integrals(int(relative), min(plus, minus) + more + 1)
            radial[of_m] = table[nodes[of_m], nodes[of_m] + more]
        block = (separated[i] * radial) @ separated[j][:, column].T
        found[edges[i] : edges[i + 1], edges[j] : edges[j + 1]] = block
        found[edges[j] : edges[j + 1], edges[i] : edges[i + 1]] = block.T
    return np.concatenate(pairs), found


def _pairs(plus: int, minus: int) -> Quads:
    """All ways to share quanta of both oscillators between two particles, (pairs, 4)."""
    a, b = (t.ravel() for t in np.meshgrid(np.arange(plus + 1), np.arange(minus + 1), indexing="ij"))
    return np.stack([a, b, plus - a, minus - b], axis=1)
