r"""Pressure and chemical potential of charges by the virial: $2 K + V = d P \Omega$, $\mu N = F + P \Omega$.

In a state that minimises F, F changes with the size of the box as H does: Giuliani & Vignale, Quantum Theory
of the Electron Liquid (2005), chapter 1.
"""

from torch import Tensor


def energies_by_virial(
    kinetic: Tensor, potential: Tensor, free_energy: Tensor, dim: int
) -> dict[str, Tensor]:
    """K, V, P Omega and mu N of each sample of the whole gas, (batch,) each."""
    pressure_volume = (2 * kinetic + potential) / dim
    return {
        "kinetic": kinetic,
        "potential": potential,
        "pressure_volume": pressure_volume,
        "chemical_potential": free_energy + pressure_volume,
    }
