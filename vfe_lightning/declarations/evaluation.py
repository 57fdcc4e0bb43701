"""How far an evaluation goes: to the bound and to what weights make of its samples, or to the Gibbs state."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from vfe_lightning.declarations.base import Declaration


class NoFinish(Declaration):
    """The bound, and importance sampling."""

    kind: Literal["none"] = "none"


class SequentialMonteCarlo(Declaration):
    """Populations of walkers go from p(x) to the Gibbs state: F itself, and whether it is exact.

    Del Moral, Doucet & Jasra, J. R. Stat. Soc. B 68, 411 (2006).
    """

    kind: Literal["smc"] = "smc"
    populations: int = Field(default=32, ge=8, description="independent ones, over all processes")
    walkers: int = Field(default=64, ge=8, description="of each population")
    threshold: float = Field(
        default=0.8, gt=0, lt=1, description="conditional effective sample size of a step of temperature"
    )
    steps: PositiveInt = Field(default=8, description="of temperature, at least: weights have long tails")
    rounds: PositiveInt = Field(default=1, description="of all moves at each temperature")
    settling: int = Field(
        default=16, ge=2, description="rounds of moves in the Gibbs state, which are averaged"
    )
    jumps: bool = Field(default=True, description="to where known minima are, from the start and on the way")


Evaluation = Annotated[NoFinish | SequentialMonteCarlo, Field(discriminator="kind")]
