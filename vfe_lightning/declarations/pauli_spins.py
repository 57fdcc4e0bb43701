"""Spins 1/2 whose Hamiltonian is data: any sum of Pauli strings."""

from itertools import pairwise
from typing import Annotated

from pydantic import Field

from vfe_lightning.declarations.data import PauliTerms
from vfe_lightning.declarations.quantum_spins import CircuitSpins, GeneralGates, HardwareGates

PairGates = Annotated[GeneralGates | HardwareGates, Field(discriminator="kind")]


class PauliSpins(CircuitSpins):
    """Spins 1/2 with any sum of Pauli strings: H = sum_k c_k P_k, on a circuit of the pairs in it.

    Gates stand on every two neighbours in a string; without such, on a chain. The exact free energy is known
    up to 11 spins; energies are in the units of the coefficients.
    """

    builder = "vfe_lightning.systems.spin_lattices:pauli_spins"

    terms: PauliTerms = Field(description="coefficients, letters and sites of the strings; sites from 0")
    gates: PairGates = Field(default=GeneralGates(), description="what a layer of the circuit is made of")

    @property
    def sites(self) -> int:
        return 1 + max(max(sites) for _, _, sites in self.terms)

    @property
    def counted(self) -> str:
        return "these terms"

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Where gates stand."""
        found = {tuple(sorted(pair)) for _, _, of in self.terms for pair in pairwise(of)}
        chain = [(i, i + 1) for i in range(self.sites - 1)]
        return sorted((i, j) for i, j in found) or chain
