"""Frozen declarations of systems, ansatz parts, optimisers and budgets: plain data, no torch."""

from vfe_lightning.declarations.annealing import ExponentialAnnealing, LinearAnnealing, NoAnnealing
from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.base_states import ConfigurationInteraction, Determinants
from vfe_lightning.declarations.boltzmann import (
    AlanineDipeptide,
    BoltzmannGenerator,
    CouplingFlow,
    Dimer,
    DoubleWell,
    Learning,
    MolecularDynamics,
    MuellerBrown,
    OneBodyFlow,
    Samples,
    SolvatedDimer,
    TorsionFlow,
)
from vfe_lightning.declarations.continuous import Continuous, PathOnly, Pathwise
from vfe_lightning.declarations.edwards_anderson import EdwardsAnderson
from vfe_lightning.declarations.electron_gas import ElectronGas
from vfe_lightning.declarations.electrons_among_protons import ElectronFlow, GaussianOrbitals
from vfe_lightning.declarations.evaluation import NoFinish, SequentialMonteCarlo
from vfe_lightning.declarations.flow import TwoStream
from vfe_lightning.declarations.hydrogen import (
    DenseHydrogen,
    ElectronGroundState,
    ElectronLevels,
    HydrogenAtRest,
)
from vfe_lightning.declarations.kinetic import Exact, ForwardLaplacian, Hutchinson, Kinetic
from vfe_lightning.declarations.lattice_fields import (
    Checkerboard,
    IsingDual,
    LatticeField,
    MongeAmpere,
    NeuralRG,
    PhiFour,
)
from vfe_lightning.declarations.occupation import (
    FermiSea,
    IdealGas,
    Levels,
    Quasiparticle,
    Transformer,
)
from vfe_lightning.declarations.optimizer import LBFGS, Adam, NaturalGradient, Optimizer, TrustRegion
from vfe_lightning.declarations.own import Own, OwnColourNetwork, OwnFlow, OwnNetwork, OwnVelocity
from vfe_lightning.declarations.pairwise_ising import PairwiseIsing
from vfe_lightning.declarations.particles import CoulombTrap, LennardJonesCluster, LogGas, TrappedParticles
from vfe_lightning.declarations.pauli_spins import PauliSpins
from vfe_lightning.declarations.plasma import OneComponentPlasma
from vfe_lightning.declarations.potential import Couplings, Potential
from vfe_lightning.declarations.potts import Potts
from vfe_lightning.declarations.quantum_dot import LowestDeterminant, QuantumDot
from vfe_lightning.declarations.quantum_spins import (
    BlockGates,
    CircuitSpins,
    GeneralGates,
    HardwareGates,
    Heisenberg,
    QuantumSpins,
    TransverseIsing,
)
from vfe_lightning.declarations.sampler import Determinantal, Metropolis
from vfe_lightning.declarations.spin_networks import (
    MADE,
    Bernoulli,
    Gradient,
    Hierarchical,
    LeaveOneOut,
    MeasureValued,
    PastAverage,
    PeierlsWeights,
    PixelCNN,
    VarGrad,
)
from vfe_lightning.declarations.spins import Hopfield, InverseIsing, Ising, SherringtonKirkpatrick, Spins
from vfe_lightning.declarations.study import GP, TPE, Grid, Pruning
from vfe_lightning.declarations.system import System
from vfe_lightning.declarations.trainer import Trainer
from vfe_lightning.declarations.trap_base_states import OscillatorDeterminants, TrapConfigurationInteraction
from vfe_lightning.declarations.twist import Baldereschi, MonkhorstPack, TwistAverage
from vfe_lightning.declarations.velocity import ContinuousFlow, EquivariantFlow, MessagePassing, PairVelocity
from vfe_lightning.declarations.xy import XY, Rotating

__all__ = [
    "GP",
    "LBFGS",
    "MADE",
    "TPE",
    "XY",
    "Adam",
    "AlanineDipeptide",
    "Baldereschi",
    "Bernoulli",
    "BlockGates",
    "BoltzmannGenerator",
    "Checkerboard",
    "CircuitSpins",
    "ConfigurationInteraction",
    "Continuous",
    "ContinuousFlow",
    "CoulombTrap",
    "CouplingFlow",
    "Couplings",
    "Declaration",
    "DenseHydrogen",
    "Determinantal",
    "Determinants",
    "Dimer",
    "DoubleWell",
    "EdwardsAnderson",
    "ElectronFlow",
    "ElectronGas",
    "ElectronGroundState",
    "ElectronLevels",
    "EquivariantFlow",
    "Exact",
    "ExponentialAnnealing",
    "FermiSea",
    "ForwardLaplacian",
    "GaussianOrbitals",
    "GeneralGates",
    "Gradient",
    "Grid",
    "HardwareGates",
    "Heisenberg",
    "Hierarchical",
    "Hopfield",
    "Hutchinson",
    "HydrogenAtRest",
    "IdealGas",
    "InverseIsing",
    "Ising",
    "IsingDual",
    "Kinetic",
    "LatticeField",
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
    "MongeAmpere",
    "MonkhorstPack",
    "MuellerBrown",
    "NaturalGradient",
    "NeuralRG",
    "NoAnnealing",
    "NoFinish",
    "OneBodyFlow",
    "OneComponentPlasma",
    "Optimizer",
    "OscillatorDeterminants",
    "Own",
    "OwnColourNetwork",
    "OwnFlow",
    "OwnNetwork",
    "OwnVelocity",
    "PairVelocity",
    "PairwiseIsing",
    "PastAverage",
    "PathOnly",
    "Pathwise",
    "PauliSpins",
    "PeierlsWeights",
    "PhiFour",
    "PixelCNN",
    "Potential",
    "Potts",
    "Pruning",
    "QuantumDot",
    "QuantumSpins",
    "Quasiparticle",
    "Rotating",
    "Samples",
    "SequentialMonteCarlo",
    "SherringtonKirkpatrick",
    "SolvatedDimer",
    "Spins",
    "System",
    "TorsionFlow",
    "Trainer",
    "Transformer",
    "TransverseIsing",
    "TrapConfigurationInteraction",
    "TrappedParticles",
    "TrustRegion",
    "TwistAverage",
    "TwoStream",
    "VarGrad",
]
