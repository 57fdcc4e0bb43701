r"""The electron gas in the random-phase approximation, exact for long waves: S(q), and the rings of F.

With X > 0 the density response of the ideal gas at imaginary frequencies $\omega_l = 2 \pi l T$,

$$ S(q) = S_0(q) - \frac{T}{n} \sum_l \frac{v X^2}{1 + v X}, \qquad
   f_{\mathrm{ring}} = \frac{T}{2 n} \int \frac{d^d q}{(2 \pi)^d} \sum_l [\ln(1 + v X) - v X] . $$

For q -> 0 S(q) becomes $q^2 / \omega_q \coth(\omega_q / 2 T)$, with the plasmon $\omega_q$. X is a mixture of
those of filled Fermi spheres, closed forms of Lindhard and of F. Stern, PRL 18, 546 (1967). Giuliani &
Vignale, Quantum Theory of the Electron Liquid (2005), chapters 4 and 5.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vfe_lightning.exact.infinite_gas import Floats, InfiniteGas, coulomb, panels
from vfe_lightning.hamiltonians.periodic_box import UNIT_BALL

_SUMMED = 24  # frequencies; beyond them the sum is an integral
_LONG, _TERMS = 0.1, 8  # of waves whose closed form loses digits, and of the series in its place
_NEGLIGIBLE = 1e-13  # of the weights of spheres, which sum to one or less
_STATIC = 1e-30  # a frequency in place of zero, where a logarithm has its branch point


def matsubara(temperature: float) -> tuple[Floats, Floats]:
    """Frequencies >= 0 and weights of a sum over all l whose terms fall as l^-4."""
    x, w = panels(np.array([0.0, 0.5, 1.0]), 16)
    last = _SUMMED - 0.5
    l = np.concatenate([np.arange(_SUMMED), last / x])  # noqa: E741
    weight = np.concatenate([[1.0], np.full(_SUMMED - 1, 2.0), 2 * w * last / x**2])
    return 2 * math.pi * temperature * np.maximum(l, _STATIC), weight


def plasmon(q: Floats, dim: int, rs: float) -> Floats:
    """omega_q of long waves, in Ry / r_s^2."""
    return q * np.sqrt(4 * rs * coulomb(q, dim) / UNIT_BALL[dim])


@dataclass(frozen=True)
class RandomPhase:
    """At a coupling r_s: lengths in r_s a_0, energies in Ry / r_s^2, of one electron."""

    gas: InfiniteGas
    rs: float

    def _screening(self, q: Floats) -> tuple[Floats, Floats, Floats]:
        """v X and X, (q, frequencies), and the weights of the sum over frequencies."""
        x, weights = response(self.gas, tuple(q.tolist()))
        return 2 * self.rs * coulomb(q, self.gas.dim)[:, None] * x, x, weights

    def structure_factor(self, q: Floats) -> Floats:
        """S(q), q > 0."""
        vx, x, weights = self._screening(q)
        missing = (vx * x / (1 + vx)) @ weights
        return self.gas.structure_factor(q) - self.gas.temperature / self.gas.density * missing

    def rings(self, q: Floats) -> Floats:
        """The summand of f_ring, in all of one q."""
        vx, _, weights = self._screening(q)
        return self.gas.temperature / (2 * self.gas.density) * ((np.log1p(vx) - vx) @ weights)


@functools.lru_cache(maxsize=16)
def response(gas: InfiniteGas, q: tuple[float, ...]) -> tuple[Floats, Floats]:
    """X(q, i omega_l), (q, frequencies), which knows of no coupling, and the weights of the frequencies."""
    omega, weights = matsubara(gas.temperature)
    found = np.zeros((len(q), len(omega)))
    for spin in gas.spins:
        for radius, weight in zip(*spin.spheres, strict=True):
            if weight > _NEGLIGIBLE:
                found += weight * of_sphere(np.array(q)[:, None], omega, radius, gas.dim)
    return found, weights


def of_sphere(q: Floats, omega: Floats, radius: float, dim: int) -> Floats:
    """X of a filled Fermi sphere of one spin in the ground state."""
    energy: NDArray[np.complex128] = q**2 + 1j * omega
    if dim == 2:
        y = (2 * radius * q / energy) ** 2
        return (energy * y / (1 + np.sqrt(1 - y))).real / (4 * math.pi * q**2)
    z = energy / (2 * q)
    u = radius / z
    few = sum(2 * u ** (2 * j + 1) / (4 * j**2 - 1) for j in range(1, _TERMS))
    safe = np.where(abs(u) < _LONG, 2.0, u)
    closed = (safe**2 - 1) / 2 * np.log((1 + safe) / (1 - safe)) + safe
    return (z**2 * np.where(abs(u) < _LONG, few, closed)).real / (4 * math.pi**2 * q)
