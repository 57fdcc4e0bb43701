"""One electron in the periodic box: the free gas, and a constant."""

import math

from vfe_lightning.exact.basis_size import complete_gas
from vfe_lightning.exact.ideal_gas import EPSILON
from vfe_lightning.hamiltonians.ewald import Ewald
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy
from vfe_lightning.result import Reference


def single_electron(dim: int, rs: float, theta: float, twist: float) -> Reference:
    """One electron and its images, whose energy is a constant; in Ry / r_s^2."""
    unit, beta = (2 * math.pi / box_length(1, dim)) ** 2, 1 / (theta * fermi_energy(dim))
    log_z, energy = complete_gas(1, (twist,) * dim, beta * unit)
    madelung = rs / box_length(1, dim) * Ewald(dim).madelung
    rounding = 100 * EPSILON * (abs(log_z) + beta * unit * energy + beta * abs(madelung))
    error = rounding / beta + 1e-10 * abs(madelung)
    return Reference.thermal(
        log_z - beta * madelung, unit * energy + madelung, beta, log_z_error=beta * error, energy_error=error
    )
