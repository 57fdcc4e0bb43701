"""How the local kinetic energy is computed."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from vfe_lightning.declarations.base import Declaration


class Exact(Declaration):
    """Hand-derived second derivatives of the flow: no noise, and the fastest but for Hutchinson."""

    kind: Literal["exact"] = "exact"


class ForwardLaplacian(Declaration):
    """All second derivatives of the flow by forward-mode differentiation: exact, for any flow."""

    kind: Literal["forward_laplacian"] = "forward_laplacian"


class Hutchinson(Declaration):
    """Random directions for the Laplacian of ln det J: unbiased, with more variance."""

    kind: Literal["hutchinson"] = "hutchinson"
    probes: PositiveInt = Field(default=1, description="random directions a sample")


Kinetic = Annotated[Exact | ForwardLaplacian | Hutchinson, Field(discriminator="kind")]
