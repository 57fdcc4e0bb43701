"""How parameters are optimised."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from vfe_lightning.declarations.base import Declaration


class TrustRegion(Declaration):
    """One Fisher block: how far a step may go in the space of densities."""

    rate: PositiveFloat = Field(default=1.0, description="of this block, in units of the learning rate")
    damping: PositiveFloat = Field(default=1e-3, description="added to the diagonal of the Fisher matrix")
    max_norm: PositiveFloat = Field(
        default=1e-3, description="largest squared length of a step in the Fisher metric"
    )
    momentum: float = Field(
        default=0.0, ge=0, lt=1, description="share of the previous step that is kept (SPRING); 0 is plain"
    )


class Decaying(Declaration):
    """A learning rate and how it falls."""

    learning_rate: PositiveFloat
    hold: NonNegativeInt = Field(default=0, description="steps at the full learning rate before it falls")
    decay: float = Field(
        default=0, ge=0, description="the learning rate falls as 1 / (1 + step / decay); 0 is constant"
    )

    def rate_after(self, steps: int) -> float:
        late = max(steps - self.hold, 0)
        return self.learning_rate / (1 + late / self.decay) if self.decay else self.learning_rate


class NaturalGradient(Decaying):
    """Stochastic reconfiguration with one Fisher block a factor; SPRING where momentum > 0."""

    kind: Literal["natural_gradient"] = "natural_gradient"
    learning_rate: PositiveFloat = Field(default=1.0, description="scales the steps of all factors")
    classical: TrustRegion = Field(default=TrustRegion(), description="of the probabilities p")
    quantum: TrustRegion = Field(default=TrustRegion(), description="of the wavefunctions Psi")


class Adam(Decaying):
    """First-order optimisation, Kingma & Ba (2015)."""

    kind: Literal["adam"] = "adam"
    learning_rate: PositiveFloat = Field(default=1e-3, description="step size")
    max_norm: float = Field(
        default=0, ge=0, description="longer gradients of a factor are shortened to this; 0: never"
    )


class LBFGS(Declaration):
    """Quasi-Newton steps, Liu & Nocedal, Math. Program. 45, 503 (1989): for gradients without any noise."""

    kind: Literal["lbfgs"] = "lbfgs"
    learning_rate: PositiveFloat = Field(default=1.0, description="length of a step, in quasi-Newton steps")
    longest: PositiveFloat = Field(
        default=0.1, description="longest change of a parameter in a step; longer steps are shortened"
    )
    history: PositiveInt = Field(default=200, description="earlier steps that make up the Hessian")


Optimizer = Annotated[NaturalGradient | Adam | LBFGS, Field(discriminator="kind")]
