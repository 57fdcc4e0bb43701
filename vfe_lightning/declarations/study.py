"""How a study chooses its trials, and when it gives one up."""

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from vfe_lightning.declarations.base import Declaration


class TPE(Declaration):
    """Tree-structured Parzen estimators: any kind of parameter, cheap, for dozens of trials and more."""

    kind: Literal["tpe"] = "tpe"
    startup_trials: NonNegativeInt = Field(default=10, description="random trials before the model is used")


class GP(Declaration):
    """A Gaussian process: the fewest trials where the parameters are continuous."""

    kind: Literal["gp"] = "gp"
    startup_trials: NonNegativeInt = Field(default=10, description="random trials before the model is used")


class Grid(Declaration):
    """Every combination of the values given, in this order: a scan."""

    kind: Literal["grid"] = "grid"
    values: dict[str, tuple[Any, ...]] = Field(description="of each parameter, by the name it is asked for")


Search = Annotated[TPE | GP | Grid, Field(discriminator="kind")]


class Pruning(Declaration):
    """A trial ends early when its F, the mean over `every` steps, is above the median at this step.

    With several objectives only trials that take no more of the others are compared with.
    """

    every: PositiveInt = Field(default=10, description="steps between two looks, and in each mean of F")
    warmup_steps: NonNegativeInt = Field(default=20, description="steps that every trial may take")
    startup_trials: NonNegativeInt = Field(default=4, description="complete trials before any is pruned")
