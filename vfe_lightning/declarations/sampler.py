"""How configurations x ~ |Psi_K(x)|^2 are drawn."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from vfe_lightning.declarations.base import Declaration


class Determinantal(Declaration):
    """Exact and independent: free fermions by rejection, then the inverse of the flow."""

    kind: Literal["determinantal"] = "determinantal"
    tolerance: PositiveFloat = Field(
        default=1e-11, description="largest residual |zeta(x) - z| of the inverse, in r_s a_0"
    )


class Metropolis(Declaration):
    """Random walk from an exact sample of the free fermions: a cross-check of the exact sampler."""

    kind: Literal["metropolis"] = "metropolis"
    steps: PositiveInt = Field(default=200, description="moves of all particles of a walker for each sample")
    step_size: PositiveFloat = Field(
        default=0.1, description="first width of a move, in r_s a_0; adapted to half acceptance"
    )


Sampler = Annotated[Determinantal | Metropolis, Field(discriminator="kind")]
