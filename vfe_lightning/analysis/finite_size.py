r"""From boxes of N electrons to the infinite gas: what is missing in a box, and what remains as 1/N.

The potential energy of a box is a sum over k = 2 pi G / L, of which the term k = 0 is missing, in place of an
integral,

$$ \Delta v = \frac{r_s}{L} \Big[ \Big( \int d^d G - \sum_{G \ne 0} \Big) g(G) \, [S(k) - 1] - \xi \Big], \;
   g = 1/G \text{ in 2D}, \; 1/(\pi G^2) \text{ in 3D}, $$

xi the Madelung constant: S. Chiesa, D. M. Ceperley, R. M. Martin & M. Holzmann, PRL 97, 076404 (2006). S(k)
hardly knows of the box. With all of S of the random-phase approximation, exact for long waves, in place of
its limit, the formula holds in the hot gas, too: T. Dornheim et al., PRL 117, 156403 (2016). Its integral
over the coupling is what F lacks, with all that the kinetic energy and the entropy lack by correlation. F_0
is replaced by that of the infinite ideal gas, and the formula in first order by Hartree-Fock, known in a box
and without, so that shells and the fixed N count in the correlation alone. S is scaled by S_0, and
what is left is fitted as 1/N.
"""

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import erfc

from vfe_lightning.exact.basis_size import complete_gas
from vfe_lightning.exact.infinite_gas import Floats, InfiniteGas, coulomb, panels
from vfe_lightning.hamiltonians.ewald import Ewald
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy
from vfe_lightning.mean_field.random_phase import RandomPhase

_CENTRE, _WIDTH = 7.2, 1.6  # of the edge beyond which sums and integrals agree, in 2 pi / L
_TOP = _CENTRE + 4.5 * _WIDTH
_EDGES = np.array([0.0, 1e-3, 1e-2, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0, _TOP])


@functools.cache
def _shells(dim: int) -> tuple[Floats, Floats]:
    """Lengths of integer vectors but for zero, and how many have them."""
    axis = np.arange(-math.floor(_TOP), math.floor(_TOP) + 1) ** 2
    squares = axis[:, None] + axis if dim == 2 else axis[:, None, None] + axis[:, None] + axis
    found, counts = np.unique(squares[(squares > 0) & (squares <= _TOP**2)], return_counts=True)
    return np.sqrt(found), counts.astype(float)


def integral_less_sum(h: Callable[[Floats], Floats], dim: int) -> float:
    r"""$(\int d^d G - \sum_{G \ne 0}) h(|G|)$ of h that is smooth on the scale of one, but for G = 0.

    Both are cut off by one smooth function, which takes away what they agree in.
    """
    g, w = panels(_EDGES, 16)
    sphere = 2 * math.pi * g if dim == 2 else 4 * math.pi * g**2
    lengths, counts = _shells(dim)
    every = np.concatenate([g, lengths])
    values = h(every) * erfc((every - _CENTRE) / _WIDTH) / 2
    return float(values[: len(g)] @ (w * sphere) - values[len(g) :] @ counts)


def missing_potential(structure_factor: Callable[[Floats], Floats], n: int, dim: int, rs: float) -> float:
    """Delta v an electron, in Ry / r_s^2, of n electrons with this S(k), k in 1 / (r_s a_0)."""
    length = box_length(n, dim)
    scale = 2 * math.pi / length

    def h(g: Floats) -> Floats:
        return coulomb(2 * math.pi * g, dim) * (structure_factor(g * scale) - 1)

    return rs / length * (integral_less_sum(h, dim) - Ewald(dim).madelung)


@dataclass(frozen=True)
class Box:
    """A gas in a periodic box; numbers are for one electron, in Ry / r_s^2.

    Attributes:
        twists: in 2 pi / L, over which free energies are averaged.
    """

    n_up: int
    n_down: int
    dim: int
    theta: float
    twists: tuple[tuple[float, ...], ...]

    @property
    def n(self) -> int:
        return self.n_up + self.n_down

    @property
    def infinite(self) -> InfiniteGas:
        shares = sorted((self.n_up / self.n, self.n_down / self.n), reverse=True)
        return InfiniteGas(self.dim, tuple(shares), self.theta)

    @functools.cached_property
    def ideal(self) -> tuple[float, float]:
        """f_0 and s_0 of the canonical ideal gas in the box, averaged over the twists."""
        unit = (2 * math.pi / box_length(self.n, self.dim)) ** 2
        majority = max(self.n_up, self.n_down) / self.n
        b = unit / (self.theta * fermi_energy(self.dim, majority))
        found = []
        for twist, m in itertools.product(self.twists, [m for m in (self.n_up, self.n_down) if m]):
            log_z, energy = complete_gas(m, twist, b)
            found.append((-log_z * unit / b, log_z + b * energy))
        f, s = np.sum(found, axis=0) / (len(self.twists) * self.n)
        return float(f), float(s)

    def missing_potential(self, rs: float) -> float:
        """Delta v in the random-phase approximation."""
        return missing_potential(RandomPhase(self.infinite, rs).structure_factor, self.n, self.dim, rs)

    def left_by_first_order(self, rs: float, hartree_fock: float) -> float:
        """What <V>_0 lacks beyond the formula, from f of Hartree-Fock in the box."""
        gas = self.infinite
        formula = missing_potential(gas.structure_factor, self.n, self.dim, rs)
        return rs * gas.exchange - (hartree_fock - self.ideal[0]) - formula

    def missing_free_energy(self, rs: float) -> float:
        """What f - f_0 lacks, in the same approximation: first order and rings."""
        gas, volume = self.infinite, box_length(self.n, self.dim) ** self.dim
        scale, rings = 2 * math.pi / box_length(self.n, self.dim), RandomPhase(gas, rs).rings
        first = missing_potential(gas.structure_factor, self.n, self.dim, rs)
        return first + integral_less_sum(lambda g: rings(g * scale), self.dim) / volume


@dataclass(frozen=True)
class Limit:
    """y = value + slope / N, with the error of the value."""

    value: float
    error: float
    slope: float


def extrapolated(n: Floats, y: Floats, errors: Floats) -> Limit:
    """Least squares, weighted where all have errors; one size alone is taken as it is, and NaN stays NaN.

    The error is that of the fit, times the scatter if that is larger than the errors, and, of three sizes and
    more, twice what the limit moves by when the smallest box is left out, for what is not linear in 1 / N.
    """
    found = _linear(n, y, errors)
    if len(np.unique(n)) < 3 or math.isnan(found.value):
        return found
    larger = n > n.min()
    moved = found.value - _linear(n[larger], y[larger], errors[larger]).value
    return replace(found, error=math.hypot(found.error, 2 * moved))


def _linear(size: Floats, values: Floats, sigma: Floats) -> Limit:
    if not np.isfinite(values).all():
        return Limit(math.nan, math.nan, math.nan)
    known = bool((sigma > 0).all())
    sigma = sigma if known else np.ones_like(sigma)
    terms = min(len(np.unique(size)), 2)
    design = (size[:, None] ** -np.arange(terms)) / sigma[:, None]
    solve = np.linalg.pinv(design)
    best = solve @ (values / sigma)
    freedom = len(values) - terms
    left = float(np.sum((values / sigma - design @ best) ** 2))
    scatter = left / freedom if freedom else 0.0
    spread = max(1.0, scatter) if known else scatter
    error = math.sqrt(spread) * float(np.linalg.norm(solve[0]))
    return Limit(float(best[0]), error, float(best[1]) if terms > 1 else 0.0)
