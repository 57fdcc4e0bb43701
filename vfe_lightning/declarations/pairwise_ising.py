"""Ising spins whose couplings and fields are data."""

from pydantic import Field, model_validator

from vfe_lightning.declarations.data import Couplings, Fields
from vfe_lightning.declarations.spin_networks import MADE, DenseNetwork
from vfe_lightning.declarations.spins import Spins


class PairwiseIsing(Spins):
    """Ising spins of given couplings and fields: H = -sum_{i<j} J_ij s_i s_j - sum_i h_i s_i.

    Energies are in the units that J, h and 1 / beta are given in. The exact free energy is known up to 22
    spins.
    """

    builder = "vfe_lightning.systems.pairwise_ising:pairwise_ising"

    J: Couplings = Field(description="couplings, a symmetric matrix; of CSV also bonds, under a line i,j,J")
    h: Fields = Field(default=(), description="fields, one a spin; empty: none")
    network: DenseNetwork = Field(default=MADE(), description="model of p(s)")
    symmetrize: bool = Field(
        default=False, description="average the network over s -> -s; only where there are no fields"
    )

    @model_validator(mode="after")
    def _fits(self) -> "PairwiseIsing":
        if self.h and len(self.h) != len(self.J):
            raise ValueError(f"h is of {len(self.h)} spins, and J of {len(self.J)}")
        if any(self.h) and self.symmetrize:
            raise ValueError("fields h are not even under s -> -s: they need --symmetrize false")
        if not any(map(any, self.J)) and not any(self.h):
            raise ValueError("J and h are zero: free spins have F = -ln 2 / beta each")
        return self
