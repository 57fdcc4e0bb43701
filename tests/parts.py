"""Every bijector and every model of p(s), small, for `test_contracts.py`: a new one adds a line.

Hamiltonians and wavefunctions are in lists of their own: `physical_parts.py`.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import torch
from noise import normal
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.bijectors.affine import Affine
from vfe_lightning.bijectors.affine_coupling import AffineCoupling
from vfe_lightning.bijectors.bijector import Composed
from vfe_lightning.bijectors.centred_scale import CentredScale
from vfe_lightning.bijectors.checkerboard import CheckerboardFlow
from vfe_lightning.bijectors.circular_spline import CircularSplineCoupling, NormalToCircle, Standardized
from vfe_lightning.bijectors.continuous import ContinuousFlow
from vfe_lightning.bijectors.coordinate_splines import CoordinateSplines
from vfe_lightning.bijectors.equivariant_velocity import velocity_of
from vfe_lightning.bijectors.fourier_scale import FourierScale
from vfe_lightning.bijectors.monge_ampere import MongeAmpereFlow
from vfe_lightning.bijectors.neural_rg import NeuralRG
from vfe_lightning.bijectors.one_body import OneBodySplines
from vfe_lightning.bijectors.pair_layers import PairLayers
from vfe_lightning.bijectors.rotating_angles import RotatingCoupling, coarse_to_fine
from vfe_lightning.bijectors.whitened import Whitened
from vfe_lightning.generative.bernoulli import BernoulliProduct
from vfe_lightning.generative.hierarchical import Hierarchical
from vfe_lightning.generative.made import MADE
from vfe_lightning.generative.pixel_cnn import PixelCNN
from vfe_lightning.generative.symbols import SPINS, Symbols
from vfe_lightning.generative.symmetrized import Symmetrized
from vfe_lightning.hamiltonians import lattices


def classes(package: ModuleType) -> Iterator[type]:
    """All that modules of a package define."""
    for found in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        yield from (
            v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module.__name__
        )


def concrete(package: ModuleType, kind: type) -> set[str]:
    """The names of all of one kind that a package defines."""
    return {v.__name__ for v in classes(package) if issubclass(v, kind) and not v.__abstractmethods__}


def spectrum(L: int) -> Tensor:
    k = torch.cos(2 * torch.pi * torch.arange(L, dtype=torch.float64) / L)
    return 1 / (3 - k[:, None] - k)


def rotating() -> RotatingCoupling:
    moved, seen = coarse_to_fine(3)[-1]
    return RotatingCoupling(3, moved, seen, 4, 8, 0.7)


def dense(sites: int, symbols: Symbols = SPINS, **declared) -> MADE:
    return MADE(declarations.MADE(**declared), sites, symbols)


def pixel_cnn(L: int, symbols: Symbols = SPINS, **declared) -> PixelCNN:
    return PixelCNN(declarations.PixelCNN(**declared), L, symbols)


FIRST_TWO = torch.tensor([True, True, False, False])
SHIFTS = torch.tensor([[-0.3, 0.1], [0.3, 0.0]], dtype=torch.float64)
PAIRS = declarations.PairVelocity(width=4)
CHECKERS = declarations.Checkerboard(layers=3, width=3)
BLOCKS = declarations.NeuralRG(couplings=6, width=3, bins=4)
OWN_BLOCKS = declarations.NeuralRG(couplings=6, width=3, bins=1, shared=False)
SLOPES = declarations.MongeAmpere(potentials=2, steps=8, width=3)
# name -> (bijector, shape of z); what integrates or iterates is exact to the third number
BIJECTORS = {
    "affine": (lambda: Affine((2, 3)), (2, 3), 1e-10),
    "affine coupling": (lambda: AffineCoupling(FIRST_TWO, 4), (4,), 1e-10),
    "centred scale": (lambda: CentredScale(0.7, 1.3), (3, 2), 1e-10),
    "checkerboard": (lambda: CheckerboardFlow(CHECKERS, 4), (4, 4), 1e-10),
    "checkerboard, neither even nor odd": (lambda: CheckerboardFlow(CHECKERS, 3, odd=False), (3, 3), 1e-10),
    "circular spline": (
        lambda: CircularSplineCoupling(FIRST_TWO, torch.ones(4, dtype=torch.bool), 4, 5),
        (4,),
        1e-10,
    ),
    "composed": (lambda: Composed([FourierScale(spectrum(4)), CheckerboardFlow(CHECKERS, 4)]), (4, 4), 1e-10),
    "continuous flow": (lambda: ContinuousFlow(velocity_of(PAIRS, 3, 0, 2), 8), (3, 2), 1e-3),
    "coordinate splines": (lambda: CoordinateSplines(4, 6), (2, 2), 1e-10),
    "Fourier scale": (lambda: FourierScale(spectrum(5)), (5, 5), 1e-10),
    "Monge-Ampere": (lambda: MongeAmpereFlow(SLOPES, 4), (4, 4), 3e-4),
    "neural RG": (lambda: NeuralRG(BLOCKS, 4), (4, 4), 1e-10),
    "neural RG, blocks of their own": (lambda: NeuralRG(OWN_BLOCKS, 4, odd=False), (4, 4), 1e-10),
    "normal to circle": (lambda: NormalToCircle(FIRST_TWO), (4,), 1e-10),
    "one-body splines": (lambda: OneBodySplines(SHIFTS, normal(1, 20, 2, 2), 3.0, 2, 4, 4), (4, 2), 1e-10),
    "pair layers": (lambda: PairLayers(3, 2, 5, 2), (3, 3), 1e-10),
    "rotating coupling": (rotating, (9,), 1e-9),
    "standardized": (
        lambda: Standardized(normal(2, 4), normal(3, 4).tanh().exp(), ~FIRST_TWO & FIRST_TWO),
        (4,),
        1e-10,
    ),
    "whitened": (lambda: Whitened(normal(4, 50, 3)), (3,), 1e-10),
}
# of 9 spins +-1, but for those that are made for other lattices
SPIN_MODELS = {
    "Bernoulli": lambda: BernoulliProduct(9),
    "hierarchical": lambda: Hierarchical(4, lattices.STEPS["square"], 1.0, 0.4, 1, 2),
    "MADE": lambda: dense(9, depth=2, width=3),
    "PixelCNN": lambda: pixel_cnn(3, depth=2, width=3, reach=1),
    "symmetrized": lambda: Symmetrized(dense(9, depth=2, width=2)),
}
