r"""f_xc of the infinite electron gas in three dimensions, a fit to path integrals.

Groth, Dornheim, Sjostrom, Malone, Foulkes & Bonitz, PRL 119, 135001 (2017):

$$ f_{xc} = - \frac{1}{r_s} \frac{\omega a + b r_s^{1/2} + c r_s}{1 + d r_s^{1/2} + e r_s} \text{ in Ha}, $$

with a from F. Perrot & M. W. C. Dharma-wardana, PRA 30, 2619 (1984), exchange at any temperature, and b ... e
rational functions of theta = T / T_F, T_F that of the polarisation in question. Stated to be good to some 0.3
%.
"""

import math
from dataclasses import dataclass

RYDBERGS = 2.0  # in a Hartree
STATED = 0.003  # of f_xc


@dataclass(frozen=True)
class Parametrisation:
    """Of one polarisation: omega, and the coefficients of b, c, d and e."""

    omega: float
    b: tuple[float, float, float, float]  # the fifth is that of the limit of Debye and Hueckel
    c: tuple[float, float]
    d: tuple[float, float, float, float, float]
    e: tuple[float, float, float, float, float]

    def free_energy(self, rs: float, theta: float) -> float:
        """f_xc, in Ry an electron, at theta > 0."""
        b5 = self.b[2] * math.sqrt(1.5) * self.omega * (9 * math.pi / 4) ** (1 / 3)
        b = math.tanh(theta**-0.5) * _rational(theta, (*self.b, b5))
        d = math.tanh(theta**-0.5) * _rational(theta, self.d)
        e = math.tanh(1 / theta) * _rational(theta, self.e)
        c = (self.c[0] + self.c[1] * math.exp(-1 / theta)) * e
        root = math.sqrt(rs)
        above = self.omega * exchange(theta) + b * root + c * rs
        return -RYDBERGS * above / (rs * (1 + d * root + e * rs))


UNPOLARISED = Parametrisation(
    omega=1.0,
    b=(0.3436902, 7.82159531356, 0.300483986662, 15.8443467125),
    c=(0.8759442, -0.230130843551),
    d=(0.72700876, 2.38264734144, 0.30221237251, 4.39347718395, 0.729951339845),
    e=(0.25388214, 0.815795138599, 0.0646844410481, 15.0984620477, 0.230761357474),
)
POLARISED = Parametrisation(
    omega=2 ** (1 / 3),
    b=(0.84987704, 3.04033012073, 0.0775730131248, 7.57703592489),
    c=(0.91126873, -0.0307957123308),
    d=(1.48658718, 4.92684905511, 0.0849387225179, 8.3269821188, 0.218864952126),
    e=(0.27454097, 0.400994856555, 2.88773194962, 6.33499237092, 24.823008753),
)


def exchange(theta: float) -> float:
    """-r_s f_x of the unpolarised gas, in Ha."""
    above = 0.75 + 3.04363 * theta**2 - 0.09227 * theta**3 + 1.7035 * theta**4
    return 0.610887 * math.tanh(1 / theta) * above / (1 + 8.31051 * theta**2 + 5.1105 * theta**4)


def published(dim: int, n_up: int, n_down: int, rs: float, theta: float) -> float:
    """f_xc in Ry an electron; NaN where the fit is of another gas: in the plane, or partly polarised."""
    if dim == 3 and n_up == n_down:
        return UNPOLARISED.free_energy(rs, theta)
    if dim == 3 and 0 in (n_up, n_down):
        return POLARISED.free_energy(rs, theta)
    return math.nan


def _rational(theta: float, x: tuple[float, ...]) -> float:
    t = theta**2
    return (x[0] + x[1] * t + x[2] * t**2) / (1 + x[3] * t + x[4] * t**2)
