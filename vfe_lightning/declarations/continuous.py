"""Classical systems in continuous space, on flows whose samples are differentiated."""

from typing import Annotated, Literal

from pydantic import Field

from vfe_lightning.declarations.annealing import Annealing, NoAnnealing
from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.system import System


class Pathwise(Declaration):
    """d/d theta of ln p_theta(x) + beta E(x) along x = x_theta(z)."""

    kind: Literal["pathwise"] = "pathwise"


class PathOnly(Declaration):
    """The same at fixed theta in ln p_theta: no noise at the optimum; needs the inverse of the flow."""

    kind: Literal["path_only"] = "path_only"


PathGradient = Annotated[Pathwise | PathOnly, Field(discriminator="kind")]


class Continuous(System):
    """What all classical systems in continuous space declare."""

    gradient: PathGradient = Field(default=Pathwise(), description="how the gradient is estimated")
    curriculum: Annealing = Field(
        default=NoAnnealing(), description="beta while training, so that no mode is lost on the way"
    )

    @property
    def has_scores(self) -> bool:
        return False
