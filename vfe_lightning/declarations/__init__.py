"""Frozen declarations of systems, ansatz parts, optimisers and budgets: plain data, no torch."""

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.base_states import BaseStates, ConfigurationInteraction, Determinants
from vfe_lightning.declarations.boltzmann import (
    AlanineDipeptide,
    BoltzmannGenerator,
    CouplingFlow,
    Dimer,
    DoubleWell,
    Learning,
    MolecularDynamics,
    MuellerBrown,
    Samples,
    TorsionFlow,
)
from vfe_lightning.declarations.continuous import Continuous, PathGradient, PathOnly, Pathwise
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
from vfe_lightning.declarations.particles import CoulombTrap, LennardJonesCluster, LogGas, TrappedParticles
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
from vfe_lightning.declarations.velocity import (
    ContinuousFlow,
    EquivariantFlow,
    MessagePassing,
    PairVelocity,
    Velocity,
)

__all__ = [
    "GP",
    "MADE",
    "TPE",
    "Adam",
    "AlanineDipeptide",
    "Annealing",
    "BaseStates",
    "Bernoulli",
    "BoltzmannGenerator",
    "ConfigurationInteraction",
    "Continuous",
    "ContinuousFlow",
    "CoulombTrap",
    "CouplingFlow",
    "Declaration",
    "Determinantal",
    "Determinants",
    "Dimer",
    "DoubleWell",
    "ElectronGas",
    "EquivariantFlow",
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
    "Learning",
    "LeaveOneOut",
    "LennardJonesCluster",
    "Levels",
    "LinearAnnealing",
    "LogGas",
    "LowestDeterminant",
    "MeasureValued",
    "MessagePassing",
    "Metropolis",
    "MolecularDynamics",
    "MuellerBrown",
    "NaturalGradient",
    "NoAnnealing",
    "Occupation",
    "Optimizer",
    "PairVelocity",
    "PastAverage",
    "PathGradient",
    "PathOnly",
    "Pathwise",
    "PixelCNN",
    "Pruning",
    "QuantumDot",
    "Quasiparticle",
    "Sampler",
    "Samples",
    "Search",
    "SherringtonKirkpatrick",
    "Spins",
    "TorsionFlow",
    "Trainer",
    "Transformer",
    "TrappedParticles",
    "TrustRegion",
    "TwoStream",
    "VarGrad",
    "Velocity",
]
