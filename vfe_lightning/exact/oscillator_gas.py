"""The canonical ideal gas of electrons in a 2D harmonic trap, exactly. Energies in hbar omega."""

import math

from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.hamiltonians.oscillator import fock_darwin_quanta, orbital_energies
from vfe_lightning.result import Reference

_THERMAL_TAIL = 40.0  # exp(-40) is below rounding


def oscillator_gas(n_up: int, n_down: int, beta: float, shells: int | None = None) -> Reference:
    """F, E, S of free electrons, n_up and n_down of them; beta = inf is the ground state.

    Args:
        shells: how many the electrons may occupy; as many as matter by default.
    """
    filled = math.ceil(math.sqrt(2 * max(n_up, n_down))) + 1
    if math.isinf(beta):
        levels = orbital_energies(fock_darwin_quanta(filled))
        energy = float(levels[:n_up].sum() + levels[:n_down].sum())
        return Reference(energy, energy, 0.0)
    levels = orbital_energies(fock_darwin_quanta(shells or filled + math.ceil(_THERMAL_TAIL / beta)))
    spins = [ideal_gas(levels, n, beta) for n in (n_up, n_down) if n]
    return Reference(
        sum(gas.free_energy for gas in spins),
        sum(gas.energy for gas in spins),
        sum(gas.entropy for gas in spins),
    )
