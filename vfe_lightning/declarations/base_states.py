"""The states that the flow transforms."""

from typing import Annotated, Literal

from pydantic import Field

from vfe_lightning.declarations.base import Declaration


class Determinants(Declaration):
    """Slater determinants of plane waves."""

    kind: Literal["determinants"] = "determinants"


class ConfigurationInteraction(Declaration):
    """Eigenstates of the electron gas among the determinants of the given orbitals; 2 or 3 electrons."""

    kind: Literal["configuration_interaction"] = "configuration_interaction"


BaseStates = Annotated[Determinants | ConfigurationInteraction, Field(discriminator="kind")]
