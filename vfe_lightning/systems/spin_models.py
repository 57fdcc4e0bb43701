"""Models of p(s) for spins and colours, as they are declared."""

import math

from vfe_lightning import declarations
from vfe_lightning.generative.bernoulli import BernoulliProduct
from vfe_lightning.generative.hierarchical import Hierarchical
from vfe_lightning.generative.made import MADE
from vfe_lightning.generative.model import GenerativeModel
from vfe_lightning.generative.peierls import PeierlsWeights
from vfe_lightning.generative.pixel_cnn import PixelCNN
from vfe_lightning.generative.symbols import SPINS, Symbols
from vfe_lightning.generative.symmetrized import Symmetrized
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.systems.own_parts import own_colour_network, own_network

Network = (
    declarations.Hierarchical
    | declarations.MADE
    | declarations.PixelCNN
    | declarations.Bernoulli
    | declarations.PeierlsWeights
    | declarations.OwnNetwork
    | declarations.OwnColourNetwork
)


def model_of(
    network: Network,
    sites: int,
    symmetrize: bool,
    lattice: declarations.Ising | None = None,
    symbols: Symbols = SPINS,
) -> GenerativeModel:
    """The declared model of p(s).

    Args:
        lattice: of a hierarchical network.
        symbols: what a site of an autoregressive network holds.
    """
    match network:
        case declarations.Hierarchical(depth=depth, width=width):
            assert lattice is not None
            steps = lattices.STEPS[lattice.lattice]
            return Hierarchical(lattice.L, steps, lattice.J, lattice.beta, depth, width)  # even by itself
        case declarations.MADE():
            model: GenerativeModel = MADE(network, sites, symbols)
        case declarations.PixelCNN():
            model = PixelCNN(network, math.isqrt(sites), symbols)
        case declarations.Bernoulli():
            model = BernoulliProduct(sites)
        case declarations.PeierlsWeights():
            model = PeierlsWeights(sites)
        case declarations.OwnNetwork():
            model = own_network(network, sites)
        case declarations.OwnColourNetwork():
            model = own_colour_network(network, sites, symbols.logits)
    return Symmetrized(model) if symmetrize else model
