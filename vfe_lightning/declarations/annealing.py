"""How beta rises while training."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from vfe_lightning.declarations.base import Declaration


class NoAnnealing(Declaration):
    """The final temperature from the first step on."""

    kind: Literal["none"] = "none"


class LinearAnnealing(Declaration):
    """beta rises linearly with the step and then stays."""

    kind: Literal["linear"] = "linear"
    start: float = Field(default=0.0, ge=0, le=1, description="first beta, as a share of the last")
    steps: PositiveInt = Field(default=200, description="steps until beta is reached")


class ExponentialAnnealing(Declaration):
    """beta (1 - rate^step), as in Wu, Wang & Zhang, PRL 122, 080602 (2019)."""

    kind: Literal["exponential"] = "exponential"
    rate: float = Field(default=0.998, gt=0, lt=1, description="how much of the way is left after a step")


Annealing = Annotated[NoAnnealing | LinearAnnealing | ExponentialAnnealing, Field(discriminator="kind")]


def beta_share(annealing: NoAnnealing | LinearAnnealing | ExponentialAnnealing, step: int) -> float:
    """beta at a step, counted from 0, over the last beta."""
    match annealing:
        case NoAnnealing():
            return 1.0
        case LinearAnnealing(start=start, steps=steps):
            return min(1.0, start + (1 - start) * (step + 1) / steps)
        case ExponentialAnnealing(rate=rate):
            return 1 - rate ** (step + 1)


def check_annealing(
    annealing: NoAnnealing | LinearAnnealing | ExponentialAnnealing, max_steps: int, field: str = "annealing"
) -> None:
    """Raises ValueError where beta is not reached within the steps; `field` declares it."""
    if isinstance(annealing, LinearAnnealing) and annealing.steps > max_steps > 0:
        raise ValueError(
            f"{field}.steps = {annealing.steps} ends after trainer.max_steps = {max_steps}: "
            f"lower --{field}.steps"
        )
