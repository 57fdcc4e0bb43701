"""One electron in the periodic box: the free gas, and a constant."""

import math

from vfe_lightning.declarations.twist import Several, Twists
from vfe_lightning.exact.basis_size import complete_gas
from vfe_lightning.exact.diagonalization import centre_of_mass_sums
from vfe_lightning.exact.ideal_gas import EPSILON
from vfe_lightning.exact.twist_average import averaged
from vfe_lightning.hamiltonians.ewald import Ewald
from vfe_lightning.hamiltonians.periodic_box import along_axes, box_length, fermi_energy
from vfe_lightning.result import Reference


def single_electron(dim: int, rs: float, theta: float, twist: float | Twists) -> Reference:
    """One electron and its images, whose energy is a constant; in Ry / r_s^2."""
    unit, beta = (2 * math.pi / box_length(1, dim)) ** 2, 1 / (theta * fermi_energy(dim))
    missed = (0.0, 0.0)
    if isinstance(twist, Several):  # the axes factorise
        along = averaged(lambda t: centre_of_mass_sums(1, (0,), t, beta * unit), twist, dim=1)
        (log_z, energy), missed = dim * along.value, dim * along.error
    else:
        log_z, energy = complete_gas(1, along_axes(twist, dim), beta * unit)
    madelung = rs / box_length(1, dim) * Ewald(dim).madelung
    rounding = 100 * EPSILON * (abs(log_z) + beta * unit * energy + beta * abs(madelung))
    error = rounding / beta + 1e-10 * abs(madelung)
    return Reference.thermal(
        float(log_z) - beta * madelung,
        unit * float(energy) + madelung,
        beta,
        log_z_error=beta * error + float(missed[0]),
        energy_error=error + unit * float(missed[1]),
    )
