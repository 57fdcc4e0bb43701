"""What the flow carries in a trap: single determinants, or superpositions of some."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt

from vfe_lightning.declarations.base import Declaration


class OscillatorDeterminants(Declaration):
    """Slater determinants of Fock-Darwin orbitals."""

    kind: Literal["determinants"] = "determinants"


class TrapConfigurationInteraction(Declaration):
    """Eigenstates among the determinants of low energy, trained with the flow; for few electrons."""

    kind: Literal["configuration_interaction"] = "configuration_interaction"
    cutoff: NonNegativeInt = Field(
        default=4,
        le=14,
        description="largest energy of a determinant without interaction above the lowest, in hbar omega",
    )


TrapBaseStates = Annotated[OscillatorDeterminants | TrapConfigurationInteraction, Field(discriminator="kind")]
