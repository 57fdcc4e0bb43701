"""Classical particles in a harmonic trap, on equivariant flows."""

from typing import Literal

from pydantic import Field, PositiveFloat

from vfe_lightning.declarations.boltzmann import Learning, Samples
from vfe_lightning.declarations.continuous import Continuous
from vfe_lightning.declarations.velocity import EquivariantFlow, ParticleFlow


class TrappedParticles(Continuous):
    """What all classical particles in a trap declare; ln Z is of labelled particles, without 1/n!."""

    n: int = Field(ge=2, description="particles")
    flow: ParticleFlow = Field(default=EquivariantFlow(), description="p(x) from a normal density")


class CoulombTrap(TrappedParticles):
    """Classical charges in a trap: H = sum_i x_i^2 + sum_{i<j} 1 / r_ij.

    Cold charges form shells: Bedanov & Peeters, PRB 49, 2667 (1994). All numbers are of the whole trap.
    """

    builder = "vfe_lightning.systems.trapped_particles:coulomb_trap"

    dim: Literal[2, 3] = Field(default=2, description="dimensions of space")
    beta: PositiveFloat = Field(description="inverse temperature")


class LogGas(TrappedParticles):
    """The log gas at beta = 1: H = sum_i x_i^2 - coupling sum_{i<j} ln r_ij; on a line sum_i x_i^2 / 2.

    Coupling 2 is Ginibre's ensemble of matrices in the plane; on a line 1, 2 and 4 are Dyson's ensembles.
    """

    builder = "vfe_lightning.systems.trapped_particles:log_gas"

    dim: Literal[1, 2] = Field(default=2, description="dimensions of space")
    coupling: PositiveFloat = Field(description="strength of the interaction")


class LennardJonesCluster(Learning):
    """13 atoms, H = sum_{i<j} (r^-12 - 2 r^-6) + sum_i x_i^2 / 2: the icosahedron and how it melts.

    All numbers are of the whole cluster, with its centre of mass in the trap.
    """

    builder = "vfe_lightning.systems.lennard_jones:lennard_jones_cluster"

    beta: PositiveFloat = Field(description="inverse temperature, in depths of the pair interaction")
    flow: ParticleFlow = Field(default=EquivariantFlow(), description="p(x) from a normal density")
    samples: Samples = Field(default=Samples(), description="what is learned from and judged by")
