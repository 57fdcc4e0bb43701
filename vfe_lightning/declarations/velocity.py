"""Equivariant velocity fields, whose flow maps free electrons in a trap on interacting ones."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.own import OwnFlow, OwnVelocity, or_own


class PairVelocity(Declaration):
    """Forces between pairs and towards the centre of mass, functions of one distance each."""

    kind: Literal["pair"] = "pair"
    width: PositiveInt = Field(default=24, description="hidden units of each radial function")


class MessagePassing(Declaration):
    """Pair forces that also depend on the surroundings of both electrons: three-body and beyond."""

    kind: Literal["message_passing"] = "message_passing"
    width: PositiveInt = Field(default=24, description="hidden units of each radial function")
    messages: PositiveInt = Field(default=4, description="features that an electron collects from the others")


Velocity = Annotated[PairVelocity | MessagePassing, Field(discriminator="kind"), *or_own(OwnVelocity)]


class VelocityFlow(Declaration):
    """x(1) of dx/dt = v(x, t) from x(0) = z, with a fixed-step Runge-Kutta method of fourth order."""

    velocity: Velocity = Field(default=PairVelocity(), description="v(x, t)")
    steps: PositiveInt = Field(default=10, description="Runge-Kutta steps from t = 0 to 1")


class EquivariantFlow(VelocityFlow):
    """A continuous flow that commutes with permutations of n particles: shape (n, dim)."""

    kind: Literal["equivariant"] = "equivariant"


ParticleFlow = Annotated[EquivariantFlow, *or_own(OwnFlow)]


class ContinuousFlow(VelocityFlow):
    """The flow of the electrons in a trap, of lengths in sqrt(hbar / m omega)."""

    steps: PositiveInt = Field(default=4, description="Runge-Kutta steps from t = 0 to 1")
    tolerance: PositiveFloat = Field(
        default=0.03,
        description="largest residual of forth and back, in sqrt(hbar / m omega); beyond it stops",
    )
