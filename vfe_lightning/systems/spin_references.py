"""What spins 1/2 are compared with: all levels of few of them, thermal Lanczos of more."""

from torch import Tensor

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.quantum_spins import MOST_DENSE, Thermal, thermal_lanczos, thermal_state
from vfe_lightning.hamiltonians.pauli import PauliSum
from vfe_lightning.result import Reference
from vfe_lightning.statistics import Moments

LEVELS = 8  # that are reported


def thermal_of(hamiltonian: PauliSum, beta: float) -> Thermal:
    """Exact for few spins; from the lowest levels and random traces for more."""
    return (thermal_state if hamiltonian.sites <= MOST_DENSE else thermal_lanczos)(hamiltonian, beta)


def reference_of(thermal: Thermal, sites: int, tolerance: float) -> Reference:
    """Exact values.

    Raises:
        NotKnown: too many spins, or F is less exact than the tolerance.
    """
    if sites > MOST_DENSE:
        raise NotKnown(f"{sites} spins: all levels are computed of at most {MOST_DENSE}")
    found = thermal.reference
    if found.free_energy_error > tolerance:
        raise NotKnown(f"F is known to {found.free_energy_error:.1g} J, not to {tolerance:.1g}: rounding")
    return found


def landmarks_of(thermal: Thermal, sites: int) -> dict[str, float]:
    """Thermal Lanczos and its upper end where the levels are too many to know them all."""
    if sites <= MOST_DENSE:
        return {}
    f, error = thermal.free_energy, thermal.free_energy_error
    return {"thermal Lanczos": f, "thermal Lanczos + error": f + error}


def levels_beside(levels: Tensor, exact: Thermal, sites: int, units: str, per: str) -> dict[str, Moments]:
    """The lowest levels that were found, in ascending order, and what is known of the exact state."""
    known = {}
    if sites <= MOST_DENSE:
        heat_capacity = Moments.exactly(exact.heat_capacity / sites)
        known["exact_heat_capacity"] = heat_capacity.measured_in("k_B", per)
        known["exact_purity"] = Moments.exactly(exact.purity)
    for name, found in (("level", levels), ("exact_level", exact.levels)):
        for k, level in enumerate(found[:LEVELS]):
            known[f"{name}_{k}"] = Moments.exactly(level.cpu()).measured_in(units, "system")
    return known
