"""Classical point charges in a periodic cube, on flows of the torus."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.continuous import Continuous


class IndependentStart(Declaration):
    """Particles that are uniform in the box, independent of each other."""

    kind: Literal["independent"] = "independent"


class FermionStart(Declaration):
    """Positions of free fermions of one spin at a temperature, which stay apart."""

    kind: Literal["fermions"] = "fermions"
    theta: PositiveFloat = Field(default=0.1, description="their temperature over their Fermi temperature")


Start = Annotated[IndependentStart | FermionStart, Field(discriminator="kind")]


class PairLayers(Declaration):
    """Equivariant layers on the torus, each with its exact determinant."""

    layers: PositiveInt = Field(default=8, description="steps from the start to the positions")
    width: int = Field(default=16, ge=2, description="Gaussians of each radial function of a layer")
    messages: NonNegativeInt = Field(
        default=3, description="features that a particle collects from the others; 0: forces of pairs alone"
    )
    start: Start = Field(default=FermionStart(), description="what is carried")


class OneComponentPlasma(Continuous):
    """Classical ions in a neutralising background: beta U = Gamma sum_{i<j} a / r_ij with all images.

    All numbers are of one ion in units of kT; F and S are those beyond the ideal gas. a is the radius of the
    sphere of one ion. The infinite plasma freezes at Gamma = 175: Potekhin & Chabrier, PRE 62, 8554 (2000).
    """

    builder = "vfe_lightning.systems.one_component_plasma:OneComponentPlasma"

    n: int = Field(ge=2, description="ions")
    gamma: PositiveFloat = Field(description="e^2 / (a kT)")
    flow: PairLayers = Field(default=PairLayers(), description="p of the positions")

    @property
    def has_scores(self) -> bool:
        return True
