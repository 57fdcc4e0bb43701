"""Models of p(s) for Ising spins, as they are declared."""

import torch

from vfe_lightning import declarations
from vfe_lightning.generative.bernoulli import BernoulliProduct
from vfe_lightning.generative.hierarchical import Hierarchical
from vfe_lightning.generative.made import MADE
from vfe_lightning.generative.model import GenerativeModel
from vfe_lightning.generative.peierls import PeierlsWeights
from vfe_lightning.generative.pixel_cnn import PixelCNN
from vfe_lightning.generative.symmetrized import Symmetrized
from vfe_lightning.hamiltonians import lattices

Network = (
    declarations.Hierarchical
    | declarations.MADE
    | declarations.PixelCNN
    | declarations.Bernoulli
    | declarations.PeierlsWeights
)
PRECISIONS = {"double": torch.float64, "single": torch.float32}


def model_of(
    network: Network,
    sites: int,
    symmetrize: bool,
    lattice: declarations.Ising | None = None,
) -> GenerativeModel:
    """The declared model of p(s); `lattice` where the spins are one."""
    match network:
        case declarations.Hierarchical(depth=depth, width=width):
            assert lattice is not None
            steps = lattices.STEPS[lattice.lattice]
            return Hierarchical(lattice.L, steps, lattice.J, lattice.beta, depth, width)  # even by itself
        case declarations.MADE(depth=depth, width=width, bias=bias, precision=precision):
            model: GenerativeModel = MADE(sites, depth, width, bias, PRECISIONS[precision])
        case declarations.PixelCNN(depth=depth, width=width, reach=reach, precision=precision):
            assert lattice is not None
            model = PixelCNN(lattice.L, depth, width, reach, PRECISIONS[precision])
        case declarations.Bernoulli():
            model = BernoulliProduct(sites)
        case declarations.PeierlsWeights():
            model = PeierlsWeights(sites)
    return Symmetrized(model) if symmetrize else model
