"""Spins 1/2 by the Hamiltonians that can be declared."""

from vfe_lightning import declarations
from vfe_lightning.hamiltonians import lattices, pauli
from vfe_lightning.hamiltonians.pauli import PauliString, PauliSum
from vfe_lightning.systems.quantum_spins import QuantumSpins

Bonds = list[tuple[int, int]]
LINKS = {
    "square": lattices.SQUARE_LINKS,
    "triangular": lattices.TRIANGULAR_LINKS,
    "kagome": lattices.KAGOME_LINKS,
}


def bonds_of(d: declarations.QuantumSpins) -> Bonds:
    """The bonds that were declared; a pair of sites may have two."""
    return lattices.cell_bonds(d.nx, d.ny, LINKS[d.lattice], d.periodic)


def transverse_ising(d: declarations.TransverseIsing) -> QuantumSpins:
    bonds = bonds_of(d)
    return QuantumSpins(d, PauliSum(d.sites, pauli.transverse_ising(bonds, d.sites, d.J, d.gamma)), bonds)


def heisenberg(d: declarations.Heisenberg) -> QuantumSpins:
    bonds = bonds_of(d)
    strings = pauli.heisenberg(bonds, d.sites, d.J, d.anisotropy, d.field)
    return QuantumSpins(d, PauliSum(d.sites, strings), bonds)


def pauli_spins(d: declarations.PauliSpins) -> QuantumSpins:
    strings = [PauliString(coefficient, letters, sites) for coefficient, letters, sites in d.terms]
    return QuantumSpins(d, PauliSum(d.sites, strings), d.pairs)
