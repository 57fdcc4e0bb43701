"""Classical Ising spins: lattices, associative memories, spin glasses, and the inverse problem."""

from typing import Literal

from pydantic import Field, PositiveFloat, model_validator

from vfe_lightning.declarations.annealing import Annealing, LinearAnnealing
from vfe_lightning.declarations.spin_networks import (
    MADE,
    Bernoulli,
    DenseNetwork,
    Gradient,
    Hierarchical,
    LatticeNetwork,
    LeaveOneOut,
    MeasureValued,
    PixelCNN,
)
from vfe_lightning.declarations.system import System


class Spins(System):
    """What all systems of spins declare: Wu, Wang & Zhang, PRL 122, 080602 (2019)."""

    beta: PositiveFloat = Field(description="inverse temperature")
    network: LatticeNetwork = Field(default=MADE(), description="model of p(s)")
    symmetrize: bool = Field(default=True, description="average the network over s -> -s, if it is not even")
    gradient: Gradient = Field(default=LeaveOneOut(), description="how the gradient is estimated")
    annealing: Annealing = Field(default=LinearAnnealing(), description="beta while training")

    @property
    def has_scores(self) -> bool:
        return not isinstance(self.gradient, MeasureValued)

    @model_validator(mode="after")
    def _flips_are_of_independent_spins(self) -> "Spins":
        independent = isinstance(self.network, Bernoulli) and not self.symmetrize
        if isinstance(self.gradient, MeasureValued) and not independent:
            raise ValueError("gradient measure_valued needs --network.kind bernoulli and --symmetrize false")
        return self


class Ising(Spins):
    """Ising spins on an L x L lattice: H = -J sum_<ij> s_i s_j, each bond once.

    Wu, Wang & Zhang, PRL 122, 080602 (2019). Energies are in the units that J and 1 / beta are given in.
    """

    builder = "vfe_lightning.systems.spin_physics:ising"

    L: int = Field(ge=2, description="rows and columns of the lattice")
    J: float = Field(default=1.0, description="coupling: > 0 ferromagnet, < 0 antiferromagnet")
    lattice: Literal["square", "triangular"] = Field(
        default="square", description="which sites are neighbours"
    )
    periodic: bool = Field(default=True, description="bonds across the edges; false: open boundaries")
    network: LatticeNetwork = Field(default=PixelCNN(), description="model of p(s)")

    @model_validator(mode="after")
    def _coupled(self) -> "Ising":
        if self.J == 0:
            raise ValueError("J = 0 leaves nothing to compute: free spins have F = -ln 2 / beta each")
        return self

    @model_validator(mode="after")
    def _halved(self) -> "Ising":
        possible = self.periodic and self.L >= 4 and not self.L & (self.L - 1)
        if isinstance(self.network, Hierarchical) and not possible:
            raise ValueError(
                "network hierarchical quarters a torus: it needs L = 4, 8, 16, ... and --periodic true; "
                "for others take --network.kind made or pixel_cnn"
            )
        return self


class Hopfield(Spins):
    """Hopfield's associative memory: H = -1/(2n) sum_mu (xi_mu . s)^2 + patterns / 2.

    Below the transition p(s) has two modes for each pattern: Wu, Wang & Zhang, PRL 122, 080602 (2019).
    """

    builder = "vfe_lightning.systems.spin_physics:hopfield_memory"

    n: int = Field(ge=2, description="spins")
    patterns: int = Field(
        default=2, ge=1, le=12, description="stored patterns; orthogonal if 2^patterns divides n"
    )
    pattern_seed: int = Field(default=0, ge=0, description="which patterns")
    network: DenseNetwork = Field(default=MADE(depth=1, bias=False), description="model of p(s)")


class SherringtonKirkpatrick(Spins):
    """A spin glass: H = -sum_{i<j} J_ij s_i s_j with J_ij ~ N(0, 1/n).

    Sherrington & Kirkpatrick, PRL 35, 1792 (1975). The exact free energy is known up to 22 spins.
    """

    builder = "vfe_lightning.systems.spin_physics:sherrington_kirkpatrick"

    n: int = Field(ge=2, description="spins")
    disorder_seed: int = Field(default=1, ge=0, description="which couplings")
    network: DenseNetwork = Field(default=MADE(depth=2, width=8), description="model of p(s)")


class InverseIsing(System):
    """Couplings of a spin glass from the correlations <s_i s_j> of its Gibbs state.

    J and p(s) are learned together: p(s) follows the Gibbs state of J, and J rises where the data are
    more correlated than the reweighted samples of p(s). Wu, Wang & Zhang, PRL 122, 080602 (2019).
    """

    builder = "vfe_lightning.systems.inverse_ising:InverseIsing"

    n: int = Field(ge=3, le=20, description="spins; the data are enumerated")
    beta: PositiveFloat = Field(description="inverse temperature of the data")
    disorder_seed: int = Field(default=1, ge=0, description="which couplings made the data")
    data_samples: int = Field(
        default=0, ge=0, description="configurations that the correlations are measured on; 0: exact ones"
    )
    network: MADE = Field(default=MADE(depth=1, bias=False), description="model of p(s)")
    symmetrize: bool = Field(default=False, description="average the network over s -> -s")

    @property
    def has_scores(self) -> bool:
        return False  # the couplings follow correlations
