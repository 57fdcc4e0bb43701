r"""Two electrons in a two-dimensional harmonic trap, exactly: levels, ground state, thermodynamics.

With R = (r_1 + r_2) / sqrt 2 and s = (r_1 - r_2) / sqrt 2 the centre of mass is a free oscillator and

    H_rel = -nabla_s^2 / 2 + s^2 / 2 + Z / (sqrt 2 s),

solved for each angular momentum m in polynomials of s between two points far in the forbidden regions, by
Gauss-Legendre quadrature: the wavefunctions are analytic in s, so that the levels converge exponentially. Odd
m is antisymmetric in space (triplet), even m symmetric (singlet). For Z^2 = 2 |m| + 1 the lowest level is
|m| + 2 in closed form: M. Taut, J. Phys. A 27, 1045 (1994). Energies in hbar omega.
"""

import functools
import math

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.special import logsumexp

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.ideal_gas import EPSILON
from vfe_lightning.result import Reference

Floats = NDArray[np.float64]

_THERMAL_TAIL = 40.0  # exp(-40), times the number of levels, is below rounding
_FORBIDDEN = 22.0  # wavefunctions are cut off where they have fallen by exp(-22)
_LARGEST = 450  # polynomials: a quarter of a second for each angular momentum
_MOST_WORK = 3e9  # angular momenta times the cubes of the numbers of polynomials: half a minute
_ROUNDING = 1e-11  # of levels over the range of energies: Taut's closed forms come back to 2e-12
_MORE = 12  # polynomials that the second of two calculations has more


def relative_levels(m: int, z: float, highest: float, more: int = 0) -> tuple[float, ...]:
    """Rising levels of the relative motion of angular momentum m up to the energy `highest`.

    Args:
        more: polynomials beyond those that are known to be enough.

    Raises:
        NotKnown: more polynomials would be needed than can be diagonalised.
    """
    return _relative_levels(abs(m), z, highest, more)


@functools.cache
def _relative_levels(m: int, z: float, highest: float, more: int) -> tuple[float, ...]:
    bottom = _bottom(m, z)
    if bottom >= highest:
        return ()
    low, edge, size = _extent(m, z, highest)
    if size > _LARGEST:
        raise NotKnown(f"levels of two electrons up to {highest:.0f} hbar omega: too many to list")
    size += more
    nodes, weights = legendre.leggauss(size + 16)
    half = (edge - low) / 2
    s, w = low + half * (nodes + 1), half * weights
    polynomial = legendre.legvander(nodes, size - 1) * np.sqrt(2 * np.arange(size) + 1)
    slope = _slopes(nodes, size) * np.sqrt(2 * np.arange(size) + 1) / half
    if m and low == 0:  # psi(0) = 0, which keeps the centrifugal energy finite
        slope = polynomial + s[:, None] * slope
        polynomial = s[:, None] * polynomial
    # times the volume element s, and from the bottom of the potential, whose digits the levels keep
    potential = m**2 / (2 * s) + s**3 / 2 + z / math.sqrt(2) - bottom * s
    h = 0.5 * (slope.T * (w * s)) @ slope + (polynomial.T * (w * potential)) @ polynomial
    overlap = (polynomial.T * (w * s)) @ polynomial
    levels = bottom + np.asarray(eigh(h, overlap, eigvals_only=True))
    return tuple(float(e) for e in levels if e <= highest)


def ground_state(z: float, same_spin: bool) -> float:
    """Lowest energy of two electrons of equal spin (m = 1), or of opposite spin (the singlet, m = 0)."""
    m = 1 if same_spin else 0
    return 1 + relative_levels(m, z, _high_enough(m, z, math.inf))[0]


@functools.cache
def two_electron_dot(z: float, beta: float, same_spin: bool) -> Reference:
    """F, E, S of two electrons at coupling z and inverse temperature beta, infinity for the ground state.

    The ensemble has a fixed number of electrons of either spin: two up, or one up and one down. Everything is
    calculated twice, with a few more polynomials the second time, and the difference bounds the error.

    Raises:
        NotKnown: so hot, or so strongly coupled, that the levels are too many to list.
    """
    fewer, found = (_thermodynamics(z, beta, same_spin, more) for more in (0, _MORE))
    (log_z, energy), beta_or_one = found, 1.0 if math.isinf(beta) else beta
    # of the eigenvalue problem, whose overlaps are ill conditioned, and of energies far above its zero
    rounding = _ROUNDING * (_high_enough(1, z, beta) - _bottom(1, z)) + 1000 * EPSILON * abs(energy)
    energy_error = 3 * abs(energy - fewer[1]) + rounding
    log_z_error = 3 * abs(log_z - fewer[0]) + beta_or_one * rounding + 1e-12
    if math.isinf(beta):
        return Reference(energy, energy, 0.0, free_energy_error=energy_error, energy_error=energy_error)
    return Reference.thermal(log_z, energy, beta, log_z_error, energy_error)


def _thermodynamics(z: float, beta: float, same_spin: bool, more: int) -> tuple[float, float]:
    """ln Z, zero in the ground state, and E."""
    first, step = (1, 2) if same_spin else (0, 1)
    highest = _high_enough(first, z, beta)
    if math.isinf(beta):
        return 0.0, 1 + relative_levels(first, z, highest, more)[0]
    _check_work(first, step, z, highest)
    weights, levels = [], []
    m = first
    while of_m := relative_levels(m, z, highest, more):
        levels += of_m
        weights += [1 if m == 0 else 2] * len(of_m)
        m += step
    lowest = min(levels)
    e = np.array(levels) - lowest
    log_z = float(np.asarray(logsumexp(-beta * e, b=np.array(weights, dtype=np.float64))))
    excitation = float((np.array(weights) * np.exp(-beta * e - log_z)) @ e)
    # the centre of mass, an oscillator in two dimensions
    log_z_of_centre = -beta - 2 * math.log(-math.expm1(-beta))
    return log_z - beta * lowest + log_z_of_centre, lowest + excitation + 1 / math.tanh(beta / 2)


def _check_work(first: int, step: int, z: float, highest: float) -> None:
    """Raises NotKnown before a long calculation, from a few angular momenta."""
    count = 1
    while _bottom(count, z) < highest:
        count *= 2
    sample = np.unique(np.linspace(first, count, 9).astype(int))
    sizes = [_extent(int(m), z, highest)[2] if _bottom(int(m), z) < highest else 0 for m in sample]
    work = count / step * float(np.mean(np.array(sizes, dtype=np.float64) ** 3))
    if max(sizes) > _LARGEST or work > _MOST_WORK:
        raise NotKnown(f"levels of two electrons count up to {highest:.0f} hbar omega: too many to list")


def _high_enough(m: int, z: float, beta: float) -> float:
    """An energy beyond which levels do not count: above the lowest, of angular momentum m."""
    return _bottom(m, z) + 8 + (0 if math.isinf(beta) else _THERMAL_TAIL / beta)


def _bottom(m: float, z: float) -> float:
    """Of the potential, centrifugal energy included."""
    return _potential(_minimum(m, z), m, z) if m or z else 0.0


def _potential(s: float, m: float, z: float) -> float:
    return m**2 / (2 * s**2) + s**2 / 2 + z / (math.sqrt(2) * s)


def _minimum(m: float, z: float) -> float:
    """Where the potential, centrifugal energy included, is lowest: s^4 = m^2 + z s / sqrt 2."""
    s = max(math.sqrt(m), (z / math.sqrt(2)) ** (1 / 3))
    for _ in range(60):  # Newton's method, for a function that is convex and rises from here on
        s -= (s**4 - m**2 - z * s / math.sqrt(2)) / (4 * s**3 - z / math.sqrt(2))
    return s


def _extent(m: int, z: float, highest: float) -> tuple[float, float, int]:
    """Between which points the wavefunctions up to an energy lie, and how many polynomials they need."""
    centre, bottom = _minimum(m, z) if m or z else 0.0, _bottom(m, z)
    width = math.sqrt(2 * (highest - bottom)) + 8  # V grows at least as (s - centre)^2 / 2 outside
    s = np.linspace(max(centre - width, 0), centre + width, 4001)[1:]
    kappa = np.sqrt(2 * np.clip(m**2 / (2 * s**2) + s**2 / 2 + z / (math.sqrt(2) * s) - highest, 0, None))
    action = np.cumsum(kappa) * (s[1] - s[0])  # of the decay from left to right
    inside = np.flatnonzero(kappa == 0)
    left = np.flatnonzero(action[inside[0]] - action > _FORBIDDEN)
    right = np.flatnonzero(action - action[inside[-1]] > _FORBIDDEN)
    low = float(s[left[-1]]) if len(left) else 0.0
    edge = float(s[right[0]]) if len(right) else centre + width
    momentum = math.sqrt(2 * (highest - bottom))
    return low, edge, 24 + math.ceil((edge - low) * (2 + momentum) / 1.8)


def _slopes(x: Floats, size: int) -> Floats:
    """Derivatives of the Legendre polynomials 0 to size - 1: (points, size)."""
    values = np.asarray(legendre.legvander(x, size - 1), dtype=np.float64)
    slopes = np.zeros_like(values)
    for k in range(1, size):  # P'_k = k P_{k-1} + x P'_{k-1}
        slopes[:, k] = k * values[:, k - 1] + x * slopes[:, k - 1]
    return slopes
