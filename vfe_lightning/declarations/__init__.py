"""Frozen declarations of systems, ansatz parts, optimisers and budgets: plain data, no torch."""

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.electron_gas import ElectronGas
from vfe_lightning.declarations.flow import TwoStream
from vfe_lightning.declarations.kinetic import Exact, ForwardLaplacian, Hutchinson, Kinetic
from vfe_lightning.declarations.occupation import FermiSea, IdealGas, Occupation, Quasiparticle, Transformer
from vfe_lightning.declarations.optimizer import Adam, NaturalGradient, Optimizer, TrustRegion
from vfe_lightning.declarations.sampler import Determinantal, Metropolis, Sampler
from vfe_lightning.declarations.study import GP, TPE, Grid, Pruning, Search
from vfe_lightning.declarations.trainer import Trainer

__all__ = [
    "GP",
    "TPE",
    "Adam",
    "Declaration",
    "Determinantal",
    "ElectronGas",
    "Exact",
    "FermiSea",
    "ForwardLaplacian",
    "Grid",
    "Hutchinson",
    "IdealGas",
    "Kinetic",
    "Metropolis",
    "NaturalGradient",
    "Occupation",
    "Optimizer",
    "Pruning",
    "Quasiparticle",
    "Sampler",
    "Search",
    "Trainer",
    "Transformer",
    "TrustRegion",
    "TwoStream",
]
