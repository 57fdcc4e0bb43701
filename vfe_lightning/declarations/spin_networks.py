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


def check_annealing(annealing: NoAnnealing | LinearAnnealing | ExponentialAnnealing, max_steps: int) -> None:
    """Raises ValueError where beta is not reached within the steps."""
    if isinstance(annealing, LinearAnnealing) and annealing.steps > max_steps > 0:
        raise ValueError(
            f"annealing.steps = {annealing.steps} ends after trainer.max_steps = {max_steps}: "
            "lower --annealing.steps"
        )
