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
def _(declaration: declarations.SolvatedDimer) -> VariationalFreeEnergy:
    from vfe_lightning.systems.solvated_dimer import SolvatedDimer

    return SolvatedDimer(declaration)


@build.register
def _(declaration: declarations.Continuous) -> VariationalFreeEnergy:
    from vfe_lightning.systems import (  # noqa: F401  they register their physics
        alanine_dipeptide,
        boltzmann_generator,
        lattice_fields,
        lennard_jones,
        trapped_particles,
    )
    from vfe_lightning.systems.continuous import Continuous

    return Continuous(declaration)
