"""What the results of an electron gas are compared with."""

from vfe_lightning import declarations
from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.box_gas import box_gas, infinite_gas
from vfe_lightning.exact.diagonalization import diagonalize
from vfe_lightning.exact.hartree_fock import hartree_fock
from vfe_lightning.exact.relative_spectrum import default_cutoff, finest_cutoff
from vfe_lightning.exact.single_electron import single_electron
from vfe_lightning.reporting import Reporting
from vfe_lightning.result import Reference
from vfe_lightning.statistics import Moments


def exact_values(d: declarations.ElectronGas, tolerance: float) -> Reference:
    """F, E and S of a few electrons in Ry / r_s^2.

    Raises:
        NotKnown: there are too many, or F is not known to the tolerance.
    """
    if d.theta == 0 or d.n > 3:
        raise NotKnown(
            f"n = {d.n}, theta = {d.theta:g}: thermal states of up to 3 electrons are known exactly"
        )
    if d.n == 1:
        return single_electron(d.dim, d.rs, d.theta, d.twists)
    most, fewest = max(d.n_up, d.n_down), min(d.n_up, d.n_down)  # the spins may be exchanged
    for cutoff in dict.fromkeys(f(most, d.dim, fewest) for f in (default_cutoff, finest_cutoff)):
        exact = diagonalize(most, d.dim, d.rs, d.theta, d.twists, cutoff, fewest)
        if exact.free_energy_error <= tolerance:
            return exact.reference
    raise NotKnown(
        f"diagonalisation leaves an error of {exact.free_energy_error / d.rs**2:.1g} Ry, "
        f"above {tolerance / d.rs**2:.1g} Ry, in the free energy of the whole gas"
    )


def landmarks(d: declarations.ElectronGas, cutoff: int) -> dict[str, float]:
    """Free energies of approximations on the orbitals up to a cutoff, in Ry / r_s^2."""
    found = hartree_fock(d.n_up, d.dim, d.rs, d.theta, d.twists, cutoff, d.n_down)
    return {"Hartree-Fock": found.free_energy}


def averaged_numbers(d: declarations.ElectronGas, cutoff: int, reporting: Reporting) -> dict[str, Moments]:
    """Of many twists: what the quadrature of Hartree-Fock may miss, and K of the ideal gas.

    The box of N electrons differs from infinite volume by what is left of the finite size: that N is fixed.
    """
    if isinstance(d.twists, tuple):
        return {}
    missed = hartree_fock(d.n_up, d.dim, d.rs, d.theta, d.twists, cutoff, d.n_down).free_energy_error
    numbers = {"hartree_fock_missed": missed}
    if d.theta > 0:
        box = box_gas(d.n_up, d.dim, d.theta, d.twists, cutoff, d.n_down)
        infinite = infinite_gas(d.n_up, d.dim, d.theta, d.n_down)
        numbers |= {"ideal_kinetic": box.energy, "ideal_kinetic_infinite": infinite.energy}
    return {
        name: Moments.exactly(number * reporting.unit).measured_in(*reporting.of_energies)
        for name, number in numbers.items()
    }
