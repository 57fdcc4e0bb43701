r"""What the classical motion of nuclei adds to F, of n equal ones of mass m in electron masses.

Positions in units of r_s a_0, t = T in Ry:

$$ s = \frac32 \Big[ 1 + \ln \frac{m r_s^2 t}{4 \pi} \Big] - \frac{\ln n!}{n}, \qquad e = \frac32 t,
   \qquad f = e - t s $$

for each nucleus, beside the entropy -<ln p(S)> of positions and the energy at fixed ones.
"""

import math
from dataclasses import dataclass

from vfe_lightning.hamiltonians.periodic_box import UNIT_BALL
from vfe_lightning.units import GIGAPASCAL, KELVIN, RYDBERG

PROTON, DEUTERON = 1836.0, 3697.9  # electron masses


@dataclass(frozen=True)
class NuclearMotion:
    """Of each nucleus: energies in Ry, the entropy in k_B."""

    energy: float
    entropy: float
    free_energy: float


def nuclear_motion(n: int, rs: float, kelvin: float, mass: float = PROTON) -> NuclearMotion:
    """Kinetic energy, and the entropy of momenta and of equal nuclei."""
    t = kelvin / KELVIN / RYDBERG
    entropy = 1.5 * (1 + math.log(mass * rs**2 * t / (4 * math.pi))) - math.lgamma(n + 1) / n
    return NuclearMotion(1.5 * t, entropy, (1.5 - entropy) * t)


def pressure(kinetic: float, potential: float, n: int, rs: float, kelvin: float) -> float:
    """By the virial, (2 K + V + 3 n T) / (3 volume) in GPa; K of the electrons and V of all, in Ry."""
    return over_volume((2 * kinetic + potential) / (3 * n) + kelvin / KELVIN / RYDBERG, rs)


def over_volume(energy: float, rs: float) -> float:
    """An energy of each nucleus, in Ry, over its volume: in GPa."""
    return energy * RYDBERG / (UNIT_BALL[3] * rs**3) * GIGAPASCAL
