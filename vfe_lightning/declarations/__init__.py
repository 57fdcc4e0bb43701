"""Frozen declarations of systems, ansatz parts, optimisers and budgets: plain data, no torch."""

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.base_states import BaseStates, ConfigurationInteraction, Determinants
from vfe_lightning.declarations.electron_gas import ElectronGas
from vfe_lightning.declarations.flow import TwoStream
from vfe_lightning.declarations.kinetic import Exact, ForwardLaplacian, Hutchinson, Kinetic
from vfe_lightning.declarations.occupation import (
    FermiSea,
    IdealGas,
    Levels,
    Occupation,
    Quasiparticle,
    Transformer,
)
from vfe_lightning.declarations.optimizer import Adam, NaturalGradient, Optimizer, TrustRegion
from vfe_lightning.declarations.quantum_dot import LowestDeterminant, QuantumDot
from vfe_lightning.declarations.sampler import Determinantal, Metropolis, Sampler
from vfe_lightning.declarations.spin_networks import (
    MADE,
    Annealing,
    Bernoulli,
    ExponentialAnnealing,
    Gradient,
    LeaveOneOut,
    LinearAnnealing,
    MeasureValued,
    NoAnnealing,
    PastAverage,
    PixelCNN,
    VarGrad,
)
from vfe_lightning.declarations.spins import Hopfield, InverseIsing, Ising, SherringtonKirkpatrick, Spins
from vfe_lightning.declarations.study import GP, TPE, Grid, Pruning, Search
from vfe_lightning.declarations.trainer import Trainer
from vfe_lightning.declarations.trap_base_states import MixedDeterminants, OscillatorDeterminants
from vfe_lightning.declarations.velocity import ContinuousFlow, MessagePassing, PairVelocity, Velocity

__all__ = [
    "GP",
    "MADE",
    "TPE",
    "Adam",
    "Annealing",
    "BaseStates",
    "Bernoulli",
    "ConfigurationInteraction",
    "ContinuousFlow",
    "Declaration",
    "Determinantal",
    "Determinants",
    "ElectronGas",
    "Exact",
    "ExponentialAnnealing",
    "FermiSea",
    "ForwardLaplacian",
    "Gradient",
    "Grid",
    "Hopfield",
    "Hutchinson",
    "IdealGas",
    "InverseIsing",
    "Ising",
    "Kinetic",
    "LeaveOneOut",
    "Levels",
    "LinearAnnealing",
    "LowestDeterminant",
    "MeasureValued",
    "MessagePassing",
    "Metropolis",
    "MixedDeterminants",
    "NaturalGradient",
    "NoAnnealing",
    "Occupation",
    "Optimizer",
    "OscillatorDeterminants",
    "PairVelocity",
    "PastAverage",
    "PixelCNN",
    "Pruning",
    "QuantumDot",
    "Quasiparticle",
    "Sampler",
    "Search",
    "SherringtonKirkpatrick",
    "Spins",
    "Trainer",
    "Transformer",
    "TrustRegion",
    "TwoStream",
    "VarGrad",
    "Velocity",
]
