"""Spins 1/2 on a lattice: their Hamiltonian, the probabilities p(x), and a quantum circuit."""

from abc import abstractmethod
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from vfe_lightning.declarations.annealing import Annealing, LinearAnnealing
from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.spin_networks import (
    MADE,
    PeierlsWeights,
    Precision,
    StateWeights,
)
from vfe_lightning.declarations.system import System

MOST_SPINS = 16
MOST_SUMMED = 10


class GeneralGates(Declaration):
    """A general two-qubit gate, SU(4) with 15 angles, on every bond."""

    kind: Literal["general"] = "general"
    width: float = Field(default=0.1, ge=0, le=10, description="standard deviation of the first angles")
    precision: Precision = Field(default="double", description="of the amplitudes while training")


class BlockGates(Declaration):
    """Any rotation of the states of 2 x 2 sites, SO(16), or of two on a chain, SO(4): real Hamiltonians."""

    kind: Literal["blocks"] = "blocks"
    width: float = Field(default=0.005, ge=0, le=10, description="standard deviation of the first angles")
    precision: Precision = Field(default="double", description="of the amplitudes while training")


class HardwareGates(Declaration):
    """Rotations of every qubit and controlled Z on every bond, as devices have them."""

    kind: Literal["hardware"] = "hardware"
    width: float = Field(default=0.1, ge=0, le=10, description="standard deviation of the first angles")
    precision: Precision = Field(default="double", description="of the amplitudes while training")


Gates = Annotated[GeneralGates | HardwareGates | BlockGates, Field(discriminator="kind")]


class CircuitSpins(System):
    """What all spins 1/2 on a circuit declare, whichever their Hamiltonian.

    Liu, Mao, Zhang & Wang, Mach. Learn.: Sci. Technol. 2, 025011 (2021).
    """

    beta: PositiveFloat = Field(default=1.0, description="inverse temperature")
    depth: PositiveInt = Field(default=5, description="layers of the circuit")
    gates: Gates = Field(default=GeneralGates(), description="what a layer of the circuit is made of")
    network: StateWeights = Field(default=MADE(depth=2, width=8), description="model of p(x)")
    annealing: Annealing = Field(
        default=LinearAnnealing(start=0.1, steps=400), description="beta while training"
    )
    probes: int = Field(
        default=0, ge=0, description="random directions that measure the metric of the natural gradient, "
        "over all processes; 0: three for each parameter of the circuit",
    )  # fmt: skip

    @property
    @abstractmethod
    def sites(self) -> int:
        """Spins."""

    @property
    def counted(self) -> str:
        """Where the number of spins comes from, in words."""
        return "this"

    @property
    def exact_gradient(self) -> bool:
        return isinstance(self.network, PeierlsWeights)

    @model_validator(mode="after")
    def _fits(self) -> "CircuitSpins":
        if not 2 <= self.sites <= MOST_SPINS:
            raise ValueError(f"{self.counted} are {self.sites} spins: 2 to {MOST_SPINS} are allowed")
        if isinstance(self.network, PeierlsWeights) and self.sites > MOST_SUMMED:
            raise ValueError(
                f"network peierls is for at most {MOST_SUMMED} spins, not {self.sites}: "
                "use --network.kind made"
            )
        return self


class QuantumSpins(CircuitSpins):
    """What all spins 1/2 on a lattice declare."""

    nx: PositiveInt = Field(default=3, description="rows of cells")
    ny: PositiveInt = Field(default=3, description="columns of cells")
    lattice: Literal["square", "triangular", "kagome"] = Field(
        default="square", description="one site a cell, or three of kagome"
    )
    periodic: bool = Field(default=False, description="bonds across the edges; false: open boundaries")

    @property
    def sites(self) -> int:
        return self.nx * self.ny * (3 if self.lattice == "kagome" else 1)

    @property
    def counted(self) -> str:
        return f"nx = {self.nx}, ny = {self.ny} on the {self.lattice} lattice"

    @model_validator(mode="after")
    def _has_blocks(self) -> "QuantumSpins":
        if isinstance(self.gates, BlockGates) and self.lattice == "kagome":
            raise ValueError(
                "gates blocks are for one site a cell, not three of kagome: use --gates.kind general"
            )
        return self


class TransverseIsing(QuantumSpins):
    """Transverse-field Ising model: H = -J sum_<ij> Z_i Z_j - gamma sum_i X_i, with Pauli matrices."""

    builder = "vfe_lightning.systems.spin_lattices:transverse_ising"

    J: float = Field(default=1.0, description="coupling: > 0 ferromagnet, < 0 antiferromagnet")
    gamma: float = Field(default=1.0, description="transverse field")


class Heisenberg(QuantumSpins):
    """H = J sum_<ij> (SxSx + SySy + anisotropy SzSz) - field sum_i Sz, spins S = 1/2."""

    builder = "vfe_lightning.systems.spin_lattices:heisenberg"

    J: float = Field(default=1.0, description="coupling: > 0 antiferromagnet, < 0 ferromagnet")
    anisotropy: float = Field(default=1.0, description="1: Heisenberg, 0: XY model")
    field: float = Field(default=0.0, description="magnetic field along z")
