"""Spin glasses on a square lattice."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from vfe_lightning.declarations.spin_networks import MADE, OPEN, Bernoulli, PixelCNN
from vfe_lightning.declarations.spins import Spins

GlassNetwork = Annotated[MADE | PixelCNN | Bernoulli, Field(discriminator="kind"), *OPEN]


class EdwardsAnderson(Spins):
    """A spin glass on an L x L lattice: H = -sum_<ij> J_ij s_i s_j - h sum_i s_i, each bond once.

    Edwards & Anderson, J. Phys. F 5, 965 (1975); J_ij = +-J, Toulouse, Commun. Phys. 2, 115 (1977).
    """

    builder = "vfe_lightning.systems.edwards_anderson:edwards_anderson"

    L: int = Field(ge=2, description="rows and columns of the lattice")
    J: PositiveFloat = Field(default=1.0, description="size of the couplings, their standard deviation")
    disorder: Literal["bimodal", "gaussian"] = Field(
        default="bimodal", description="J_ij = +-J with equal chances, or J times N(0, 1)"
    )
    disorder_seed: int = Field(default=1, ge=0, description="which couplings")
    h: float = Field(default=0.0, description="field on all spins")
    periodic: bool = Field(default=True, description="bonds across the edges; false: open boundaries")
    network: GlassNetwork = Field(default=MADE(), description="model of p(s)")

    @model_validator(mode="after")
    def _even(self) -> "EdwardsAnderson":
        if self.h and self.symmetrize:
            raise ValueError(f"h = {self.h:g} is not even under s -> -s: it needs --symmetrize false")
        return self
