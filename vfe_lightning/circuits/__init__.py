"""Quantum circuits on state vectors: gates, ansatz, and adjoint derivatives."""

from vfe_lightning import declarations
from vfe_lightning.circuits.ansatz import Circuit, HardwareCircuit
from vfe_lightning.circuits.exponential import GeneralCircuit, OrthogonalCircuit
from vfe_lightning.hamiltonians.lattices import cell_blocks


def circuit_of(d: declarations.CircuitSpins, bonds: list[tuple[int, int]]) -> Circuit:
    """The declared circuit on these bonds, or on blocks of the lattice."""
    match d.gates:
        case declarations.GeneralGates(width=width):
            return GeneralCircuit(bonds, d.depth, width)
        case declarations.HardwareGates(width=width):
            return HardwareCircuit(bonds, d.depth, width)
        case declarations.BlockGates(width=width):
            assert isinstance(d, declarations.QuantumSpins)
            return OrthogonalCircuit(cell_blocks(d.nx, d.ny, d.periodic), d.depth, width)
