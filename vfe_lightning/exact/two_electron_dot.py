r"""Two electrons in a two-dimensional harmonic trap, exactly: levels, ground state, thermodynamics.

With R = (r_1 + r_2) / sqrt 2 and s = (r_1 - r_2) / sqrt 2 the centre of mass is a free oscillator and

    H_rel = -nabla_s^2 / 2 + s^2 / 2 + Z / (sqrt 2 s),

solved for each angular momentum m in polynomials of s on 0 < s < s_max, by Gauss-Legendre quadrature: the
wavefunctions are analytic in s, so that the levels converge exponentially. Odd m is antisymmetric in space
(triplet), even m symmetric (singlet). For Z^2 = 2 |m| + 1 the lowest level is |m| + 2 in closed form:
M. Taut, J. Phys. A 27, 1045 (1994). Energies in hbar omega.
"""

import functools
import math

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.special import logsumexp

from vfe_lightning.result import Reference

Floats = NDArray[np.float64]

HOTTEST = 2.5  # largest temperature, in hbar omega, whose levels are all listed
_THERMAL_TAIL = 45.0  # exp(-45) is below rounding


@functools.cache
def relative_levels(m: int, z: float, highest: float) -> tuple[float, ...]:
    """Rising levels of the relative motion of angular momentum m up to the energy `highest`."""
    m = abs(m)
    edge = math.sqrt(2 * highest) + 6
    size = 24 + math.ceil(edge * (2 + math.sqrt(2 * highest)) / 1.5)
    nodes, weights = legendre.leggauss(size + 16)
    s, w = edge * (nodes + 1) / 2, edge * weights / 2
    polynomial = legendre.legvander(nodes, size - 1) * np.sqrt(2 * np.arange(size) + 1)
    slope = _slopes(nodes, size) * np.sqrt(2 * np.arange(size) + 1) * 2 / edge
    if m:  # psi(0) = 0, which keeps the centrifugal energy finite
        slope = polynomial + s[:, None] * slope
        polynomial = s[:, None] * polynomial
    potential = m**2 / (2 * s) + s**3 / 2 + z / math.sqrt(2)  # times the volume element s
    h = 0.5 * (slope.T * (w * s)) @ slope + (polynomial.T * (w * potential)) @ polynomial
    overlap = (polynomial.T * (w * s)) @ polynomial
    levels = eigh(h, overlap, eigvals_only=True)
    return tuple(float(e) for e in levels if e <= highest)


def ground_state(z: float, same_spin: bool) -> float:
    """Lowest energy of two electrons of equal spin (m = 1), or of opposite spin (the singlet, m = 0)."""
    return 1 + relative_levels(1 if same_spin else 0, z, _high_enough(z, math.inf))[0]


def two_electron_dot(z: float, beta: float, same_spin: bool) -> Reference:
    """F, E, S of two electrons at coupling z and inverse temperature beta, infinity for the ground state.

    The ensemble has a fixed number of electrons of either spin: two up, or one up and one down.

    Raises:
        ValueError: hotter than HOTTEST, where the levels are too many to list.
    """
    if math.isinf(beta):
        energy = ground_state(z, same_spin)
        return Reference(energy, energy, 0.0)
    if not beta >= 1 / HOTTEST:
        raise ValueError(f"beta = {beta} is below {1 / HOTTEST}, where the levels are too many to list")
    highest = _high_enough(z, beta)
    weights, levels = [], []
    for m in range(1 if same_spin else 0, math.ceil(highest), 2 if same_spin else 1):
        of_m = relative_levels(m, z, highest)
        if not of_m:
            break
        levels += of_m
        weights += [1 if m == 0 else 2] * len(of_m)
    e = np.array(levels)
    log_z = float(np.asarray(logsumexp(-beta * e, b=np.array(weights, dtype=np.float64))))
    relative = float((np.array(weights) * np.exp(-beta * e - log_z)) @ e)
    # the centre of mass, an oscillator in two dimensions
    energy = relative + 1 / math.tanh(beta / 2)
    free_energy = -log_z / beta + 1 + 2 * math.log(-math.expm1(-beta)) / beta
    return Reference(free_energy, energy, beta * (energy - free_energy))


def _high_enough(z: float, beta: float) -> float:
    """An energy beyond which levels do not count."""
    classical = 1.5 * (z / math.sqrt(2)) ** (2 / 3)
    return classical + 8 + (0 if math.isinf(beta) else _THERMAL_TAIL / beta)


def _slopes(x: Floats, size: int) -> Floats:
    """Derivatives of the Legendre polynomials 0 to size - 1: (points, size)."""
    values = np.asarray(legendre.legvander(x, size - 1), dtype=np.float64)
    slopes = np.zeros_like(values)
    for k in range(1, size):  # P'_k = k P_{k-1} + x P'_{k-1}
        slopes[:, k] = k * values[:, k - 1] + x * slopes[:, k - 1]
    return slopes
