"""What a quantum dot is compared with: exact values, and bounds by diagonalisation in a finite basis."""

import math

from vfe_lightning import declarations
from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.oscillator_gas import oscillator_gas
from vfe_lightning.exact.trap_diagonalization import bound
from vfe_lightning.exact.two_electron_dot import two_electron_dot
from vfe_lightning.result import Reference

# Energies above the free ground state, in hbar omega: seconds of diagonalisation
LANDMARK_CUTOFF = {2: 18, 3: 11, 4: 7}


def exact_values(d: declarations.QuantumDot, tolerance: float) -> Reference:
    """Of two electrons, or free ones; see `VariationalFreeEnergy.reference`."""
    n = d.n_up + d.n_down
    if getattr(d.occupation, "angular_momentum", None) is not None:
        raise NotKnown("an angular momentum was chosen: exact values are of the ground state")
    if d.z == 0 or n == 1:
        found = oscillator_gas(d.n_up, d.n_down, d.beta)
    elif n == 2:
        found = two_electron_dot(d.z, d.beta, same_spin=d.n_down == 0)
    else:
        raise NotKnown(f"{n} electrons: two, or free ones, are known exactly")
    if found.free_energy_error > tolerance:
        raise NotKnown(f"F is known to {found.free_energy_error:.1g} hbar omega, not to {tolerance:.1g}")
    return found


def configuration_interaction(d: declarations.QuantumDot) -> dict[str, float]:
    """An upper bound, up to four electrons."""
    n = d.n_up + d.n_down
    if n not in LANDMARK_CUTOFF:
        return {}
    lowest = round(oscillator_gas(d.n_up, d.n_down, math.inf).free_energy)
    m = getattr(d.occupation, "angular_momentum", None)
    cutoff = lowest + LANDMARK_CUTOFF[n]
    return {"configuration interaction": bound(d.n_up, d.n_down, d.z, d.beta, cutoff, m)}
