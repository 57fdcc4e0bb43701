r"""The ideal Fermi gas without a box, and the exchange in it: what finite boxes are extrapolated to.

A thermal gas is a mixture of filled Fermi spheres, of which the weight of radius kappa is $-df/d\kappa$
(P. F. Maldague, Surf. Sci. 73, 296 (1978)). The static structure factor and the exchange energy are

$$ S_0(q) = 1 - \frac1n \sum_\sigma \int \frac{d^d k}{(2 \pi)^d} f_\sigma(k) f_\sigma(k + q), \qquad
   v_x = \frac12 \int \frac{d^d q}{(2 \pi)^d} v(q) [S_0(q) - 1] , $$

f the Fermi function: Giuliani & Vignale, Quantum Theory of the Electron Liquid (2005), chapters 2 and 4.
Lengths in r_s a_0, energies in Ry / r_s^2, one electron in a unit ball.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from vfe_lightning.hamiltonians.periodic_box import UNIT_BALL, fermi_energy

Floats = NDArray[np.float64]
_EDGES = (-45.0, -18.0, -8.0, -3.0, 0.0, 3.0, 8.0, 18.0, 45.0)  # of panels, in T from the chemical potential
_NODES = 24  # of Gauss and Legendre in a panel
_ANGLES = 256


def coulomb(q: Floats, dim: int) -> Floats:
    """Fourier transform of 1 / r: 2 pi / q in the plane, 4 pi / q^2 in space."""
    return 2 * math.pi / q if dim == 2 else 4 * math.pi / q**2


def shell(q: Floats, dim: int) -> Floats:
    """Area of a sphere of radius q, over (2 pi)^d."""
    return q / (2 * math.pi) if dim == 2 else q**2 / (2 * math.pi**2)


def panels(edges: Floats, nodes: int = _NODES) -> tuple[Floats, Floats]:
    """Points and weights of Gauss and Legendre between neighbouring edges."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    low, half = edges[:-1, None], np.diff(edges)[:, None] / 2
    return (low + half * (1 + x)).ravel(), (half * w).ravel()


@dataclass(frozen=True)
class FermiFunction:
    """One spin: its density, and the temperature, which set the chemical potential."""

    dim: int
    density: float
    temperature: float

    @property
    def ball(self) -> float:
        """States below k over k^d."""
        return UNIT_BALL[self.dim] / (2 * math.pi) ** self.dim

    @property
    def fermi_energy(self) -> float:
        return (self.density / self.ball) ** (2 / self.dim)

    @cached_property
    def chemical_potential(self) -> float:
        e, t = self.fermi_energy, self.temperature
        if self.dim == 2:
            return e + t * math.log(-math.expm1(-e / t))
        low = min(-50 * t, t * math.log((e / t) ** 1.5) - 10 * t)
        found = brentq(lambda mu: self._filled(mu) - self.density, low, e + t, xtol=1e-14 * (e + t))
        return float(found)  # pyright: ignore

    def nodes(self, mu: float, a_panel: int = _NODES) -> tuple[Floats, Floats]:
        """k and weights dk where f changes, and below."""
        squares = np.maximum(mu + self.temperature * np.array(_EDGES), 0.0)
        return panels(np.sqrt(np.unique(np.concatenate([[0.0], squares]))), a_panel)

    def _filled(self, mu: float) -> float:
        k, w = self.nodes(mu)
        return float(w @ (self.dim * self.ball * k ** (self.dim - 1) * self.occupation(k, mu)))

    def occupation(self, k: Floats, mu: float | None = None) -> Floats:
        """f(k) = 1 / (exp((k^2 - mu) / T) + 1)."""
        mu = self.chemical_potential if mu is None else mu
        return 0.5 * (1 - np.tanh((k**2 - mu) / (2 * self.temperature)))

    @cached_property
    def spheres(self) -> tuple[Floats, Floats]:
        """Radii of filled spheres and their weights -df, which sum to f(0)."""
        k, w = self.nodes(self.chemical_potential, _NODES // 2)
        f = self.occupation(k)
        return k, w * 2 * k / self.temperature * f * (1 - f)

    @cached_property
    def energy(self) -> float:
        """Of a unit volume."""
        k, w = self.nodes(self.chemical_potential)
        return float(w @ (self.dim * self.ball * k ** (self.dim + 1) * self.occupation(k)))

    @property
    def variance(self) -> float:
        """T dN / dmu in the volume of one electron."""
        k, w = self.spheres  # -df/d(k^2) is -df/dk over 2 k
        slope = float(w @ (self.dim * self.ball * k ** (self.dim - 2))) / 2
        return UNIT_BALL[self.dim] * self.temperature * slope

    def overlap(self, q: Floats) -> Floats:
        """The integral of f(k) f(k + q) over d^d k / (2 pi)^d; q > 0."""
        k, w = self.nodes(self.chemical_potential)
        mu, t = self.chemical_potential, self.temperature
        measure = w * self.dim * self.ball * k ** (self.dim - 1) * self.occupation(k)
        q = q[:, None]
        if self.dim == 3:  # the integral over the angle is one over the energy, in closed form
            low, high = (np.logaddexp(0, (mu - (k + sign * q) ** 2) / t) for sign in (-1, 1))
            return (t * (low - high) / (4 * k * q)) @ measure
        cosine = np.cos(math.pi * (np.arange(_ANGLES) + 0.5) / _ANGLES)
        found = np.zeros(len(q))
        for c in cosine:  # one at a time, to hold little
            found += self.occupation(np.sqrt(np.maximum(k**2 + q**2 + 2 * k * q * c, 0.0))) @ measure
        return found / _ANGLES


@dataclass(frozen=True)
class InfiniteGas:
    """Free electrons at theta = T / T_F of the majority spin; numbers are for one electron.

    Attributes:
        shares: of the electrons that each spin has, the larger first; they sum to one.
    """

    dim: int
    shares: tuple[float, ...]
    theta: float

    @property
    def density(self) -> float:
        return 1 / UNIT_BALL[self.dim]

    @property
    def temperature(self) -> float:
        return self.theta * fermi_energy(self.dim, max(self.shares))

    @cached_property
    def spins(self) -> list[FermiFunction]:
        return [FermiFunction(self.dim, s * self.density, self.temperature) for s in self.shares if s > 0]

    @property
    def energy(self) -> float:
        return sum(spin.energy for spin in self.spins) / self.density

    @property
    def free_energy(self) -> float:
        """f = sum of n_s mu_s - p, with p = 2 e / d."""
        filled = sum(spin.density * spin.chemical_potential for spin in self.spins) / self.density
        return filled - 2 / self.dim * self.energy

    @property
    def entropy(self) -> float:
        return (self.energy - self.free_energy) / self.temperature

    def structure_factor(self, q: Floats) -> Floats:
        """S_0(q), q > 0."""
        return 1 - np.sum([spin.overlap(q) for spin in self.spins], axis=0) / self.density

    @cached_property
    def exchange(self) -> float:
        """The energy of first order, over r_s."""
        top = max(spin.nodes(spin.chemical_potential)[0].max() for spin in self.spins)
        fermi = max(spin.fermi_energy for spin in self.spins) ** 0.5
        q, w = panels(np.unique([0.0, fermi, 2 * fermi, 2 * top, *np.linspace(0, 2 * top, 9)]))
        q_all = coulomb(q, self.dim) * shell(q, self.dim) * (self.structure_factor(q) - 1)
        return float(w @ q_all)
