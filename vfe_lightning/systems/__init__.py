"""Physical systems: what a declaration stands for."""

from functools import singledispatch

from vfe_lightning import declarations
from vfe_lightning.free_energy import VariationalFreeEnergy


@singledispatch
def build(declaration: declarations.Declaration) -> VariationalFreeEnergy:
    """The system that was declared, with parameters drawn from torch's global generator."""
    raise TypeError(f"no system is registered for {type(declaration).__name__}: use @build.register")


@build.register
def _(declaration: declarations.ElectronGas) -> VariationalFreeEnergy:
    from vfe_lightning.systems.electron_gas import ElectronGas

    return ElectronGas(declaration)


@build.register
def _(declaration: declarations.Spins) -> VariationalFreeEnergy:
    from vfe_lightning.systems.spins import Spins

    return Spins(declaration)


@build.register
def _(declaration: declarations.InverseIsing) -> VariationalFreeEnergy:
    from vfe_lightning.systems.inverse_ising import InverseIsing

    return InverseIsing(declaration)


@build.register
def _(declaration: declarations.QuantumDot) -> VariationalFreeEnergy:
    from vfe_lightning.systems.quantum_dot import QuantumDot

    return QuantumDot(declaration)


@build.register
def _(declaration: declarations.QuantumSpins) -> VariationalFreeEnergy:
    from vfe_lightning.systems.quantum_spins import QuantumSpins

    return QuantumSpins(declaration)


@build.register
def _(declaration: declarations.Continuous) -> VariationalFreeEnergy:
    from vfe_lightning.systems.continuous import Continuous

    return Continuous(declaration)


@build.register
def _(declaration: declarations.TrappedParticles) -> VariationalFreeEnergy:
    from vfe_lightning.systems import trapped_particles  # noqa: F401  registers its physics
    from vfe_lightning.systems.continuous import Continuous

    return Continuous(declaration)


@build.register
def _(declaration: declarations.BoltzmannGenerator) -> VariationalFreeEnergy:
    from vfe_lightning.systems import boltzmann_generator  # noqa: F401  registers its physics
    from vfe_lightning.systems.continuous import Continuous

    return Continuous(declaration)


@build.register
def _(declaration: declarations.AlanineDipeptide) -> VariationalFreeEnergy:
    from vfe_lightning.systems import alanine_dipeptide  # noqa: F401  registers its physics
    from vfe_lightning.systems.continuous import Continuous

    return Continuous(declaration)


@build.register
def _(declaration: declarations.LennardJonesCluster) -> VariationalFreeEnergy:
    from vfe_lightning.systems import lennard_jones  # noqa: F401  registers its physics
    from vfe_lightning.systems.continuous import Continuous

    return Continuous(declaration)


@build.register
def _(declaration: declarations.LatticeField) -> VariationalFreeEnergy:
    from vfe_lightning.systems import lattice_fields  # noqa: F401, it registers its physics
    from vfe_lightning.systems.continuous import Continuous

    return Continuous(declaration)
