"""Boltzmann generators: molecules and wells with several modes, learned from energies and from samples."""

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.continuous import Continuous
from vfe_lightning.declarations.system import System


class CouplingFlow(Declaration):
    """Affine couplings of all coordinates (RealNVP) of a normal density."""

    layers: int = Field(default=8, ge=2, description="couplings")
    width: PositiveInt = Field(default=64, description="hidden units of each of their two layers")


class Samples(Declaration):
    """Samples by hybrid Monte Carlo: chains that start in each known minimum of a state."""

    chains: int = Field(
        default=1000, ge=4, description="independent chains of a state, equally many in each of its minima"
    )
    trajectories: PositiveInt = Field(default=100, description="of each chain up to its first sample")
    kept: PositiveInt = Field(default=1, description="samples of each chain")
    stride: PositiveInt = Field(default=20, description="trajectories from one of them to the next")
    seed: int = Field(default=0, ge=0, lt=2**31, description="of their random numbers")


class Learning(Continuous):
    """What a Boltzmann generator learns from: Noe, Olsson, Koehler & Wu, Science 365, eaaw1147 (2019)."""

    energy_weight: NonNegativeFloat = Field(default=1.0, description="of E_p[ln p + beta U] in the loss")
    data_weight: NonNegativeFloat = Field(default=1.0, description="of -E_data[ln p] in the loss")
    energy_cap: PositiveFloat = Field(
        default=1000.0, description="beta U beyond it counts as its logarithm in the gradient"
    )

    refresh: NonNegativeInt = Field(
        default=0,
        description="steps between two times that populations, carried from the flow to the Gibbs state, "
        "become the data; 0: data stay",
    )
    annealing: PositiveInt = Field(
        default=1, description="steps between the flow and the Gibbs state in Bennett's ratio; 1: none"
    )

    @model_validator(mode="after")
    def _learns_from_something(self) -> "Learning":
        if self.energy_weight == 0 and self.data_weight == 0:
            raise ValueError("energy_weight and data_weight are both 0: raise one of them")
        if self.refresh and self.data_weight == 0:
            raise ValueError("refresh makes data that nothing learns from: raise --data_weight")
        return self


class BoltzmannGenerator(Learning):
    """What the generators of wells and dimers declare; chains of our own are the data."""

    beta: PositiveFloat = Field(default=1.0, description="inverse temperature")
    flow: CouplingFlow = Field(default=CouplingFlow(), description="p(x) from a normal density")
    samples: Samples = Field(default=Samples(), description="what is learned from and judged by")


class DoubleWell(BoltzmannGenerator):
    """Two wells in a plane: U = a x + b x^2 + c x^4 + y^2 / 2; F is that of x > 0 less that of x < 0."""

    builder = "vfe_lightning.systems.boltzmann_generator:double_well"

    a: float = Field(default=1.0, description="tilt")
    b: float = Field(default=-3.0, lt=0, description="curvature at the barrier")
    c: PositiveFloat = Field(default=0.25, description="what closes the wells")


class MuellerBrown(BoltzmannGenerator):
    """The potential of Mueller & Brown (1979); F is that of y < 0.75 less that of y > 0.75."""

    builder = "vfe_lightning.systems.boltzmann_generator:mueller_brown"

    scale: PositiveFloat = Field(default=0.15, description="of the energy")


class Dimer(BoltzmannGenerator):
    """A bistable dimer, in a plane; F is that of the open dimer, r > 3/2, less that of the closed one."""

    builder = "vfe_lightning.systems.boltzmann_generator:gas_or_fluid_dimer"

    solvent: NonNegativeInt = Field(default=0, description="repulsive particles around it, in a box")


class OneBodyFlow(Declaration):
    """Splines that carry each particle of a fluid alone, by where the dimer is."""

    layers: int = Field(default=4, ge=2, description="splines of one of the two coordinates, in turns")
    width: PositiveInt = Field(default=16, description="hidden units of each of their two layers")
    bins: int = Field(default=8, ge=2, description="of each spline")


class SolvatedDimer(System):
    """The dimer among repulsive particles in a box, from closed to open in stages, by maps of the fluid.

    All numbers are of the open dimer less those of the closed one; F bounds the difference from above.
    """

    builder = "vfe_lightning.systems.solvated_dimer:SolvatedDimer"

    solvent: NonNegativeInt = Field(default=36, description="repulsive particles around it; 0: none")
    beta: float = Field(
        default=1.0, ge=0.5, description="inverse temperature; a hotter dimer turns, and the maps do not"
    )
    stages: PositiveInt = Field(default=4, description="maps from one length of the bond to the next")
    flow: OneBodyFlow = Field(default=OneBodyFlow(), description="one of these maps")
    energy_cap: PositiveFloat = Field(
        default=100.0, description="beta U beyond it counts as its logarithm in the gradient"
    )
    samples: Samples = Field(default=Samples(), description="of the dimer at each length")

    @property
    def has_scores(self) -> bool:
        return False

    @model_validator(mode="after")
    def _has_samples_to_learn_from(self) -> "SolvatedDimer":
        if (count := self.samples.chains * self.samples.kept) < 40:
            raise ValueError(
                f"samples.chains x samples.kept = {count} samples of each length are too few to learn from "
                "and to judge by: have at least 40"
            )
        return self


class TorsionFlow(Declaration):
    """Circular splines of the torsions and affine couplings of bonds and angles, which see each other."""

    layers: int = Field(default=6, ge=2, description="pairs of a spline layer and an affine layer")
    width: PositiveInt = Field(default=96, description="hidden units of each of their two layers")
    bins: int = Field(default=8, ge=2, description="of each spline")


class MolecularDynamics(Declaration):
    """Langevin dynamics with OpenMM, without constraints, 1 fs a step."""

    samples: int = Field(default=20000, ge=100, description="configurations that are kept")
    stride: PositiveInt = Field(default=100, description="steps between two of them")
    seed: int = Field(default=0, ge=0, lt=2**31, description="of the dynamics")


class AlanineDipeptide(Learning):
    """Alanine dipeptide in vacuum, Amber ff99SB-ILDN by OpenMM, in internal coordinates, in kJ/mol.

    F is that of phi > 0 less that of phi < 0. Position and orientation are not part of F.
    """

    builder = "vfe_lightning.systems.alanine_dipeptide:alanine_dipeptide"

    temperature: PositiveFloat = Field(default=600.0, description="in K")
    flow: TorsionFlow = Field(default=TorsionFlow(), description="p of bonds, angles and torsions")
    dynamics: MolecularDynamics = Field(
        default=MolecularDynamics(), description="what is learned from and judged by"
    )
    energy_weight: NonNegativeFloat = Field(default=0.1, description="of E_p[ln p + beta U] in the loss")
