"""The states that the flow transforms."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from vfe_lightning.declarations.base import Declaration


class Determinants(Declaration):
    """Slater determinants of plane waves."""

    kind: Literal["determinants"] = "determinants"


class ConfigurationInteraction(Declaration):
    """Eigenstates among the determinants of low kinetic energy; 2 or 3 electrons, occupation levels."""

    kind: Literal["configuration_interaction"] = "configuration_interaction"
    cutoff: PositiveFloat = Field(
        default=12.0, description="largest kinetic energy of the relative motion, in (2 pi / L)^2"
    )


BaseStates = Annotated[Determinants | ConfigurationInteraction, Field(discriminator="kind")]
