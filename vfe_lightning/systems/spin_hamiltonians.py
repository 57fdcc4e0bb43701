"""The Hamiltonians of spins 1/2 that can be declared, and what is measured in all of them."""

from functools import singledispatch

from vfe_lightning import declarations
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.pauli import PauliString, PauliSum, heisenberg, transverse_ising

Bonds = list[tuple[int, int]]
LINKS = {
    "square": lattices.SQUARE_LINKS,
    "triangular": lattices.TRIANGULAR_LINKS,
    "kagome": lattices.KAGOME_LINKS,
}


def bonds_of(d: declarations.QuantumSpins) -> Bonds:
    """The bonds that were declared; a pair of sites may have two."""
    return lattices.cell_bonds(d.nx, d.ny, LINKS[d.lattice], d.periodic)


@singledispatch
def hamiltonian_of(declaration: declarations.QuantumSpins) -> PauliSum:
    """H that was declared; another model registers what it is."""
    raise TypeError(
        f"no Hamiltonian is registered for {type(declaration).__name__}: use @hamiltonian_of.register"
    )


@hamiltonian_of.register
def _(d: declarations.TransverseIsing) -> PauliSum:
    return PauliSum(d.sites, transverse_ising(bonds_of(d), d.sites, d.J, d.gamma))


@hamiltonian_of.register
def _(d: declarations.Heisenberg) -> PauliSum:
    return PauliSum(d.sites, heisenberg(bonds_of(d), d.sites, d.J, d.anisotropy, d.field))


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
