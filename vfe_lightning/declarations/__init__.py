"""Frozen declarations of systems, ansatz parts, optimisers and budgets: plain data, no torch."""

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.base_states import BaseStates, ConfigurationInteraction, Determinants
from vfe_lightning.declarations.electron_gas import ElectronGas
from vfe_lightning.declarations.flow import TwoStream
from vfe_lightning.declarations.kinetic import Exact, ForwardLaplacian, Hutchinson, Kinetic
from vfe_lightning.declarations.occupation import FermiSea, IdealGas, Occupation, Quasiparticle, Transformer
from vfe_lightning.declarations.optimizer import Adam, NaturalGradient, Optimizer, TrustRegion
from vfe_lightning.declarations.quantum_dot import LowestDeterminant, QuantumDot
from vfe_lightning.declarations.sampler import Determinantal, Metropolis, Sampler
from vfe_lightning.declarations.trainer import Trainer
from vfe_lightning.declarations.velocity import ContinuousFlow, MessagePassing, PairVelocity, Velocity

__all__ = [
    "Adam",
    "BaseStates",
    "ConfigurationInteraction",
    "ContinuousFlow",
    "Declaration",
    "Determinantal",
    "Determinants",
    "ElectronGas",
    "Exact",
    "FermiSea",
    "ForwardLaplacian",
    "Hutchinson",
    "IdealGas",
    "Kinetic",
    "LowestDeterminant",
    "MessagePassing",
    "Metropolis",
    "NaturalGradient",
    "Occupation",
    "Optimizer",
    "PairVelocity",
    "QuantumDot",
    "Quasiparticle",
    "Sampler",
    "Trainer",
    "Transformer",
    "TrustRegion",
    "TwoStream",
    "Velocity",
]
