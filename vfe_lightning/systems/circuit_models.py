"""Quantum circuits, as they are declared."""

from vfe_lightning import declarations
from vfe_lightning.circuits.ansatz import Circuit, GeneralCircuit, HardwareCircuit


def circuit_of(d: declarations.QuantumSpins, pairs: list[tuple[int, int]]) -> Circuit:
    """The declared circuit on these pairs of sites."""
    match d.gates:
        case declarations.GeneralGates(width=width):
            return GeneralCircuit(pairs, d.depth, width)
        case declarations.HardwareGates(width=width):
            return HardwareCircuit(pairs, d.depth, width)
