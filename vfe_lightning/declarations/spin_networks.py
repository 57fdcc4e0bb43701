"""Models of p(s) for Ising spins, and how their gradient is estimated."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.own import OwnNetwork, or_own

Precision = Literal["double", "single"]


class MADE(Declaration):
    """Dense masked autoencoder in raster order: any couplings, the best for small or frustrated systems."""

    kind: Literal["made"] = "made"
    depth: PositiveInt = Field(default=2, description="layers; 1 is logistic regression on earlier spins")
    width: PositiveInt = Field(default=4, description="features of a site in each hidden layer")
    bias: bool = Field(default=True, description="biases; without them and at depth 1 p(s) = p(-s)")
    precision: Precision = Field(default="double", description="of the network's arithmetic")


class PixelCNN(Declaration):
    """Masked convolutions with residual connections: large lattices."""

    kind: Literal["pixel_cnn"] = "pixel_cnn"
    depth: int = Field(default=3, ge=2, description="convolutions")
    width: PositiveInt = Field(default=16, description="channels")
    reach: PositiveInt = Field(default=3, description="rows and columns that a convolution sees")
    precision: Precision = Field(default="double", description="of the network's arithmetic")


class Hierarchical(Declaration):
    """Crosses that quarter a torus again and again, exact 3 x 3 squares: L = 4, 8, 16, ..., by far the best.

    Bialas, Korcyl & Stebel, Comput. Phys. Commun. 281, 108502 (2022).
    """

    kind: Literal["hierarchical"] = "hierarchical"
    depth: int = Field(default=2, ge=2, description="layers of the network of a spin")
    width: PositiveInt = Field(default=16, description="features of a spin in each hidden layer")


class Bernoulli(Declaration):
    """Independent spins: naive mean field."""

    kind: Literal["bernoulli"] = "bernoulli"


class PeierlsWeights(Declaration):
    """exp(-beta E_x) / Z of the energies of all x: the best p(x) of a circuit, of at most 10 spins."""

    kind: Literal["peierls"] = "peierls"


CHOSEN = Field(discriminator="kind")
OPEN = or_own(OwnNetwork)
LatticeNetwork = Annotated[Hierarchical | MADE | PixelCNN | Bernoulli, CHOSEN, *OPEN]
DenseNetwork = Annotated[MADE | Bernoulli, CHOSEN, *OPEN]
StateWeights = Annotated[MADE | Bernoulli | PeierlsWeights, CHOSEN, *OPEN]


class LeaveOneOut(Declaration):
    """Score function; the baseline of a sample is the mean cost of the others."""

    kind: Literal["leave_one_out"] = "leave_one_out"


class PastAverage(Declaration):
    """Score function; the baseline is a running mean of the costs of earlier steps."""

    kind: Literal["past_average"] = "past_average"
    decay: float = Field(default=0.9, ge=0, lt=1, description="share of the running mean kept at each step")


class VarGrad(Declaration):
    """Gradient of half the variance of ln p + beta E."""

    kind: Literal["var_grad"] = "var_grad"


class MeasureValued(Declaration):
    """Exact differences under the flip of each spin: needs network bernoulli, not symmetrised, and Adam."""

    kind: Literal["measure_valued"] = "measure_valued"


Gradient = Annotated[LeaveOneOut | PastAverage | VarGrad | MeasureValued, Field(discriminator="kind")]
