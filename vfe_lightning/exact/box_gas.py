r"""The ideal gas of the box, canonical in each spin and averaged over twists, and that of infinite volume.

Averaged over twists, the grand-canonical gas of a box is that of infinite volume, since the sum over the
momenta of the box and the integral over its twists is one over all momenta. What is left at a fixed number N
of particles of a spin, where particles that wind around the box count for little, is

$$ F_N = F_\infty + \frac{T}{2} \ln 2 \pi \sigma^2 + O(1 / N), \qquad
   E_N = E_\infty - \frac{T^2}{2} \frac{\partial \ln \sigma^2}{\partial T} + O(1 / N) $$

with sigma^2 = T dN/dmu: the saddle point of the integral that takes Z_N from the grand-canonical Z, of whose
logarithm it is the second derivative. Energies in Ry / r_s^2, a particle fills the unit ball.
"""

import functools
import math
from dataclasses import dataclass

from vfe_lightning.declarations.twist import Twists
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.exact.infinite_gas import FermiFunction, InfiniteGas
from vfe_lightning.exact.twist_average import OF_A_BASIS, averaged
from vfe_lightning.hamiltonians.periodic_box import (
    UNIT_BALL,
    along_axes,
    box_length,
    fermi_energy,
    plane_waves,
)


@dataclass(frozen=True)
class Gas:
    """Totals of all particles, the entropy in k_B."""

    free_energy: float
    energy: float
    entropy: float
    free_energy_error: float = 0.0  # of the quadrature over twists
    energy_error: float = 0.0


def box_gas(n_up: int, dim: int, theta: float, twist: float | Twists, cutoff: int, n_down: int = 0) -> Gas:
    """Of the plane waves up to a cutoff; theta > 0."""

    def totals(at: tuple[float, ...]) -> tuple[float, ...]:
        gas = _at_twist(n_up, dim, theta, at, cutoff, n_down)
        return gas.free_energy, gas.energy, gas.entropy

    twists = along_axes(twist, dim) if isinstance(twist, float | int) else twist
    (f, e, s), (f_error, e_error, _) = averaged(totals, twists, dim, OF_A_BASIS)
    return Gas(float(f), float(e), float(s), float(f_error), float(e_error))


@functools.cache
def _at_twist(n_up: int, dim: int, theta: float, twist: tuple[float, ...], cutoff: int, n_down: int) -> Gas:
    spins = [m for m in (n_up, n_down) if m]
    n = sum(spins)
    energies = (2 * math.pi / box_length(n, dim)) ** 2 * plane_waves(dim, cutoff, twist).square().sum(dim=1)
    beta = 1 / (theta * fermi_energy(dim, max(spins) / n))
    gases = [ideal_gas(energies, m, beta) for m in spins]
    return _sum([Gas(gas.free_energy, gas.energy, gas.entropy) for gas in gases])


def infinite_gas(n_up: int, dim: int, theta: float, n_down: int = 0) -> Gas:
    """As many particles of an infinite gas of the same density; theta > 0."""
    n = n_up + n_down
    gas = InfiniteGas(dim, (n_up / n, n_down / n), theta)
    return Gas(n * gas.free_energy, n * gas.energy, n * gas.entropy)


def canonical_correction(n_up: int, dim: int, theta: float, n_down: int = 0) -> Gas:
    """What a fixed number of particles of each spin adds to F, E and S in all, but for O(1/N)."""
    n, t, h = n_up + n_down, theta * fermi_energy(dim, max(n_up, n_down) / (n_up + n_down)), 1e-4
    parts = []
    for m in (n_up, n_down):
        if m:
            low, mid, high = (math.log(n * of_a_spin(m, n, dim, x * t).variance) for x in (1 - h, 1.0, 1 + h))
            free, energy = t / 2 * (math.log(2 * math.pi) + mid), -t / 2 * (high - low) / (2 * h)
            parts.append(Gas(free, energy, (energy - free) / t))
    return _sum(parts)


def of_a_spin(m: int, n: int, dim: int, temperature: float) -> FermiFunction:
    """The spin that m of n particles have, in infinite volume."""
    return FermiFunction(dim, m / n / UNIT_BALL[dim], temperature)


def _sum(gases: list[Gas]) -> Gas:
    totals = (sum(getattr(g, name) for g in gases) for name in ("free_energy", "energy", "entropy"))
    return Gas(*totals)
