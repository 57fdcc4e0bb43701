r"""States of a trap whose distances from the centre of mass are stretched by a factor s.

It is a unitary map that leaves the centre of mass as it is, so that energies remain upper bounds:

$$ H_s = H_0 + \sum_{i<j} \left[ \frac{Z}{s r_{ij}}
   + \frac{2}{n} \left( (s^2 - 1) \frac{\rho_{ij}^2}{2} + (s^{-2} - 1) \frac{\pi_{ij}^2}{2} \right) \right] $$

with rho = (r_i - r_j) / sqrt 2 and its momentum pi. The best s makes 2 K - 2 V_trap + V_C = 0, the virial
theorem, and takes the largest part of the correlation at strong coupling, where electrons repel each other
to s^3 ~ Z. Energies in hbar omega.
"""

from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from vfe_lightning.exact.trap_coulomb import relative_integrals, relative_kinetic, relative_trap
from vfe_lightning.exact.trap_diagonalization import free_energies, pair_operator

Floats = NDArray[np.float64]


def best_scale(relative_energy: float, interaction: float) -> float:
    """s that minimises E (s^2 + 1 / s^2) / 2 + V / s, of free electrons with <V> added to first order.

    Args:
        relative_energy: E, without interaction and without the centre of mass, half of it kinetic.
        interaction: V, the mean Coulomb energy at s = 1.
    """
    if relative_energy == 0 or interaction == 0:
        return 1.0
    ratio = interaction / relative_energy
    return cast(float, brentq(lambda s: s**4 - 1 - ratio * s, 1.0, 2.0 + ratio))


class ScaledHamiltonian(NamedTuple):
    """The parts of H_s among determinants of one total angular momentum, each (states, states)."""

    free: Floats
    coulomb: Floats
    trap: Floats  # of the relative motion, in the states that are not stretched
    kinetic: Floats

    @classmethod
    def of(cls, states: NDArray[np.int64], z: float, n_up: int) -> "ScaledHamiltonian":
        n = states.shape[1]
        parts = [
            pair_operator(states, n_up, f) for f in (relative_integrals, relative_trap, relative_kinetic)
        ]
        return cls(np.diag(free_energies(states)), z * parts[0], 2 / n * parts[1], 2 / n * parts[2])

    def at(self, scale: float) -> Floats:
        """H_s."""
        stretched = (scale**2 - 1) * self.trap + (scale**-2 - 1) * self.kinetic
        return self.free + self.coulomb / scale + stretched
