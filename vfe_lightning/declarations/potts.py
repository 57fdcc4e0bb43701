"""Potts' model of q colours on a square lattice."""

from typing import Annotated

from pydantic import Field, model_validator

from vfe_lightning.declarations.own import OwnColourNetwork, or_own
from vfe_lightning.declarations.spin_networks import MADE, LeaveOneOut, PastAverage, PixelCNN, VarGrad
from vfe_lightning.declarations.spins import Spins

ColourNetwork = Annotated[MADE | PixelCNN, Field(discriminator="kind"), *or_own(OwnColourNetwork)]
ScoreGradient = Annotated[LeaveOneOut | PastAverage | VarGrad, Field(discriminator="kind")]


class Potts(Spins):
    """q colours on an L x L lattice: H = -J sum_<ij> delta(s_i, s_j), each bond once.

    Two colours are Ising spins at J / 2. The infinite lattice orders at beta J = ln(1 + sqrt q), with a jump
    for q > 4: Wu, Rev. Mod. Phys. 54, 235 (1982).
    """

    builder = "vfe_lightning.systems.potts:potts"

    L: int = Field(ge=2, description="rows and columns of the lattice")
    q: int = Field(ge=2, le=64, description="colours")
    J: float = Field(default=1.0, description="coupling: > 0 likes equal neighbours, < 0 unequal ones")
    periodic: bool = Field(default=True, description="bonds across the edges; false: open boundaries")
    network: ColourNetwork = Field(default=PixelCNN(), description="model of p(s)")
    symmetrize: bool = Field(default=True, description="average the network over the q shifts of all colours")
    gradient: ScoreGradient = Field(default=LeaveOneOut(), description="how the gradient is estimated")

    @model_validator(mode="after")
    def _coupled(self) -> "Potts":
        if self.J == 0:
            raise ValueError("J = 0 leaves nothing to compute: free colours have F = -ln q / beta each")
        return self
