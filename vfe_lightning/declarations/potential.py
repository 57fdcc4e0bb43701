"""Any potential energy in continuous space, written in Python by a subclass."""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveFloat

from vfe_lightning.declarations.boltzmann import CouplingFlow
from vfe_lightning.declarations.continuous import Continuous
from vfe_lightning.declarations.own import OwnFlow, or_own
from vfe_lightning.declarations.velocity import EquivariantFlow


class Couplings(CouplingFlow):
    """Affine couplings of all coordinates (RealNVP), then a spline of each: any shape, no symmetry."""

    kind: Literal["couplings"] = "couplings"
    width: int = Field(default=32, ge=1, description="hidden units of each of their two layers")
    bins: int = Field(default=16, ge=1, description="of the splines")


PotentialFlow = Annotated[Couplings | EquivariantFlow, Field(discriminator="kind"), *or_own(OwnFlow)]


class Potential(Continuous):
    """A classical system with a potential energy U(x): F = -ln Z / beta with Z = int dx exp(-beta U(x)).

    A subclass says `shape` and `energy`, and perhaps `observables` and `exact`. Its fields are parameters.

    Attributes:
        shape: of one x, such as (d,) or (n, dim); a property where it depends on fields.
        units: of the energies.
        size: what energies are divided by in what is reported, such as the number of particles.
        per: what they are then of.
    """

    builder = "vfe_lightning.systems.potential:potential"

    shape: ClassVar[Any]
    units: ClassVar[str] = ""
    size: ClassVar[Any] = 1
    per: ClassVar[str] = "system"

    beta: PositiveFloat = Field(default=1.0, description="inverse temperature")
    flow: PotentialFlow = Field(default=Couplings(), description="p(x) from a normal density")
    width: PositiveFloat = Field(default=1.0, description="of that normal density before training")

    @abstractmethod
    def energy(self, x: Any) -> Any:
        """U(x), differentiable by torch and in float64: (batch, *shape) -> (batch,)."""

    def exact(self) -> float | None:
        """The exact free energy of the whole system; None where it is not known."""
        return None
