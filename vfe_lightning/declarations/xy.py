"""Planar spins on a square torus, and flows of them."""

from pydantic import Field, PositiveFloat, PositiveInt

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.continuous import Continuous


class Rotating(Declaration):
    """Circular splines around the direction of other spins, from coarse to fine.

    The larger the power of two in L, the fewer are the steps.
    """

    width: PositiveInt = Field(default=32, description="hidden units of a step")
    bins: int = Field(default=16, ge=4, description="of a spline")


class XY(Continuous):
    """Planar spins on an L x L torus: H = -J sum_<ij> cos(theta_i - theta_j), each bond once.

    The infinite lattice loses its stiffness at beta J = 1.1199: Kosterlitz & Thouless, J. Phys. C 6, 1181
    (1973); Hasenbusch, J. Phys. A 38, 5869 (2005).
    """

    builder = "vfe_lightning.systems.xy:xy"

    L: int = Field(ge=2, description="rows and columns of the lattice")
    beta: PositiveFloat = Field(description="inverse temperature")
    J: PositiveFloat = Field(default=1.0, description="coupling")
    flow: Rotating = Field(default=Rotating(), description="model of p(theta)")
