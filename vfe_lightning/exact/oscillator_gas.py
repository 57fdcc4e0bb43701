"""The canonical ideal gas of electrons in a 2D harmonic trap, exactly. Energies in hbar omega."""

import functools
import math

from vfe_lightning.exact.cycle_expansion import free_fermions, oscillator_orbit
from vfe_lightning.exact.ideal_gas import EPSILON, ideal_gas
from vfe_lightning.hamiltonians.oscillator import fock_darwin_quanta, orbital_energies
from vfe_lightning.result import Reference

_THERMAL_TAIL = 45.0  # exp(-45) is below rounding
_LISTED = 60  # shells; of more, the cycle expansion is faster


def oscillator_gas(n_up: int, n_down: int, beta: float, shells: int | None = None) -> Reference:
    """F, E, S of free electrons, n_up and n_down of them; beta = inf is the ground state.

    Args:
        shells: how many the electrons may occupy; all of them by default.
    """
    filled = math.ceil(math.sqrt(2 * max(n_up, n_down))) + 1
    if math.isinf(beta):
        levels = orbital_energies(fock_darwin_quanta(filled))
        energy = float(levels[:n_up].sum() + levels[:n_down].sum())
        return Reference(energy, energy, 0.0)
    if shells is None and filled + _THERMAL_TAIL / beta < _LISTED:
        shells = filled + math.ceil(_THERMAL_TAIL / beta)
    spins = [_one_spin(n, beta, shells) for n in (n_up, n_down) if n]
    return Reference.thermal(
        sum(s[0] for s in spins),
        sum(s[1] for s in spins),
        beta,
        log_z_error=sum(s[2] for s in spins),
        energy_error=sum(s[3] for s in spins),
    )


@functools.cache
def _one_spin(n: int, beta: float, shells: int | None) -> tuple[float, float, float, float]:
    """ln Z and E, and bounds on the errors of both."""
    if shells is None:
        log_z, energy = free_fermions(n, functools.partial(oscillator_orbit, beta))
        return log_z, energy, 4 * EPSILON * abs(log_z), 4 * EPSILON * energy
    gas = ideal_gas(orbital_energies(fock_darwin_quanta(shells)), n, beta)
    log_z_error = gas.log_z_error + EPSILON * beta * abs(gas.free_energy)
    return -beta * gas.free_energy, gas.energy, log_z_error, gas.energy_error
