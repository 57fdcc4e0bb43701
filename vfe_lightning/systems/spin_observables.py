"""What is measured of spins 1/2."""

from vfe_lightning.hamiltonians.pauli import PauliString, PauliSum

Bonds = list[tuple[int, int]]


def observables_of(bonds: Bonds, sites: int) -> dict[str, PauliSum]:
    """Magnetisations a site and correlations of neighbours, in Pauli matrices."""
    everyone, per_site, per_bond = range(sites), 1 / sites, 1 / len(bonds)
    squares = [PauliString(per_site**2, "ZZ", (i, j)) for i in everyone for j in everyone if i != j]
    strings = {
        "magnetization_x": [PauliString(per_site, "X", (i,)) for i in everyone],
        "magnetization_z": [PauliString(per_site, "Z", (i,)) for i in everyone],
        # Z_i^2 = 1 of each site
        "squared_magnetization_z": [*squares, *[PauliString(per_site**2, "", ())] * sites],
        "neighbours_xx": [PauliString(per_bond, "XX", bond) for bond in bonds],
        "neighbours_yy": [PauliString(per_bond, "YY", bond) for bond in bonds],
        "neighbours_zz": [PauliString(per_bond, "ZZ", bond) for bond in bonds],
    }
    return {name: PauliSum(sites, of) for name, of in strings.items()}
