"""Every Hamiltonian and every wavefunction, small, for tests of what they are: a new one adds a line."""

import math
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from noise import normal, stirred
from spins import random_couplings
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.bijectors.continuous import ContinuousFlow
from vfe_lightning.bijectors.cusped_flow import CuspedFlow
from vfe_lightning.bijectors.electron_cusps import ElectronCusps
from vfe_lightning.bijectors.electrons_among_protons import ElectronFlow, ElectronVelocity
from vfe_lightning.bijectors.equivariant_velocity import velocity_of
from vfe_lightning.bijectors.periodic_cusp import PeriodicCusp
from vfe_lightning.bijectors.two_stream import TwoStreamFlow
from vfe_lightning.bijectors.two_stream_spins import Spins
from vfe_lightning.calculus.internal_coordinates import internal
from vfe_lightning.declarations.flow import TwoStream
from vfe_lightning.hamiltonians import alanine_dipeptide, lattices
from vfe_lightning.hamiltonians.dimer import Dimer, exchanged
from vfe_lightning.hamiltonians.electron_gas import ElectronGas
from vfe_lightning.hamiltonians.hamiltonian import Hamiltonian
from vfe_lightning.hamiltonians.hydrogen import Hydrogen
from vfe_lightning.hamiltonians.ising_dual import IsingDual
from vfe_lightning.hamiltonians.periodic_box import box_length
from vfe_lightning.hamiltonians.phi4 import PhiFour
from vfe_lightning.hamiltonians.planar_wells import DoubleWell, MuellerBrown
from vfe_lightning.hamiltonians.plasma import Plasma
from vfe_lightning.hamiltonians.potts import Potts, cycled
from vfe_lightning.hamiltonians.quantum_dot import QuantumDot
from vfe_lightning.hamiltonians.screened_atoms import ScreenedAtoms
from vfe_lightning.hamiltonians.spins import PairwiseSpins
from vfe_lightning.hamiltonians.stretched_dimer import StretchedDimer
from vfe_lightning.hamiltonians.trapped_particles import Coulomb, LennardJones, Logarithmic, TrappedParticles
from vfe_lightning.hamiltonians.xy import XY
from vfe_lightning.wavefunctions.base_states import BaseStates
from vfe_lightning.wavefunctions.configuration_interaction import ConfigurationInteraction
from vfe_lightning.wavefunctions.continuous_flow_wavefunction import ContinuousFlowWavefunction
from vfe_lightning.wavefunctions.flow_wavefunction import FlowWavefunction
from vfe_lightning.wavefunctions.fock_darwin import FockDarwin
from vfe_lightning.wavefunctions.oscillator_determinants import OscillatorDeterminants
from vfe_lightning.wavefunctions.pairing import Pairing
from vfe_lightning.wavefunctions.proton_determinants import ProtonDeterminants
from vfe_lightning.wavefunctions.proton_geminals import ProtonGeminals
from vfe_lightning.wavefunctions.proton_wavefunction import ProtonWavefunction
from vfe_lightning.wavefunctions.slater import SlaterDeterminants
from vfe_lightning.wavefunctions.spin_determinants import SpinDeterminants
from vfe_lightning.wavefunctions.trap_configuration_interaction import TrapConfigurationInteraction
from vfe_lightning.wavefunctions.trapped_fermions import TrappedFermions

Change = Callable[[Tensor], Tensor]
SQUARE = lattices.bonds(4, lattices.SQUARE)


class OneHamiltonian(NamedTuple):
    """A Hamiltonian, some configurations, and what keeps the energy of each of them."""

    make: Callable[[], Hamiltonian]
    draw: Callable[[], Tensor]
    changes: tuple[Change, ...] = ()


def positions(*shape: int) -> Callable[[], Tensor]:
    return lambda: 1.5 * normal(0, 6, *shape)


def signs(n: int) -> Callable[[], Tensor]:
    return lambda: normal(0, 6, n).sign()


def turned(x: Tensor) -> Tensor:
    return x @ torch.linalg.qr(normal(1, x.shape[-1], x.shape[-1]))[0]


def reversed_from(first: int) -> Change:
    """Particles from one on in the other order."""
    return lambda x: torch.cat([x[:, :first], x[:, first:].flip(1)], dim=1)


def mirrored(x: Tensor) -> Tensor:
    """By the first axis of a plane."""
    return x * x.new_tensor([1.0, -1.0])


def shifted_each(x: Tensor) -> Tensor:
    """By other sides of a cube of side 3 each."""
    return x + 3.0 * torch.arange(-4, x[0].numel() - 4).view(x.shape[1:])


def peptides() -> Tensor:
    found = torch.as_tensor(alanine_dipeptide.peptide().positions)[None]
    return internal(found, alanine_dipeptide.peptide().places) + 0.003 * normal(0, 6, 60)


def peptide() -> Hamiltonian:
    pytest.importorskip("openmm")
    return alanine_dipeptide.AlanineDipeptide(300.0)


def torsions(change: Change) -> Change:
    return lambda x: torch.cat([x[:, :41], change(x[:, 41:])], dim=1)


TORUS: tuple[Change, ...] = (torch.neg, lambda x: x.roll((2, 1), (1, 2)), lambda x: x.mT, lambda x: x.flip(1))
EQUAL = (turned, reversed_from(0))  # particles
GAS: tuple[Change, ...] = (reversed_from(0), torch.neg, lambda x: x + 0.7, lambda x: x.flip(2))
HAMILTONIANS = {
    "alanine dipeptide": OneHamiltonian(
        peptide, peptides, (torsions(lambda x: x + 2 * math.pi), torsions(torch.neg))
    ),
    "dimer": OneHamiltonian(lambda: Dimer(0), positions(2, 2), (exchanged, mirrored)),
    "dimer in a solvent": OneHamiltonian(
        lambda: Dimer(6, box=1.5), positions(8, 2), (exchanged, mirrored, reversed_from(2))
    ),
    "double well": OneHamiltonian(DoubleWell, positions(2), (mirrored,)),
    "electron gas": OneHamiltonian(
        lambda: ElectronGas(4, 2, 3.0), positions(4, 2), (*GAS, lambda x: x + box_length(4, 2))
    ),
    "electron gas 3D": OneHamiltonian(lambda: ElectronGas(3, 3, 3.0), positions(3, 3), GAS),
    "hydrogen": OneHamiltonian(
        lambda: Hydrogen(3, 3.0),
        positions(5, 3),
        (reversed_from(3), torch.neg, lambda x: x + 0.7, shifted_each),
    ),
    "Ising dual": OneHamiltonian(lambda: IsingDual(5, 0.3), positions(5, 5), TORUS),
    "Mueller-Brown": OneHamiltonian(MuellerBrown, positions(2)),
    "pairs of spins": OneHamiltonian(lambda: PairwiseSpins(random_couplings(7)), signs(7), (torch.neg,)),
    "pairs of spins in a field": OneHamiltonian(
        lambda: PairwiseSpins(random_couplings(7), normal(1, 7)), signs(7)
    ),
    "phi4": OneHamiltonian(lambda: PhiFour(-4.0, 8.0), positions(5, 5), TORUS),
    "plasma": OneHamiltonian(lambda: Plasma(4, 20.0), positions(4, 3), (*GAS, lambda x: x.roll(1, 2))),
    "Potts": OneHamiltonian(
        lambda: Potts(SQUARE, 0.7), lambda: (9 * normal(0, 6, 16)).round() % 3, (lambda x: cycled(x, 2, 3),)
    ),
    "quantum dot": OneHamiltonian(lambda: QuantumDot(2.0), positions(4, 2), EQUAL),
    "stretched dimer": OneHamiltonian(
        lambda: StretchedDimer(6, 0.3), positions(8, 2), (exchanged, mirrored, reversed_from(2))
    ),
    "trapped charges 2D": OneHamiltonian(lambda: TrappedParticles(4, 2.0, Coulomb()), positions(4, 2), EQUAL),
    "trapped charges 3D": OneHamiltonian(lambda: TrappedParticles(4, 2.0, Coulomb()), positions(4, 3), EQUAL),
    "trapped log gas": OneHamiltonian(
        lambda: TrappedParticles(4, 1.0, Logarithmic(1.5)), positions(4, 1), (torch.neg, reversed_from(0))
    ),
    "trapped atoms": OneHamiltonian(lambda: TrappedParticles(5, 1.0, LennardJones()), positions(5, 3), EQUAL),
    "XY": OneHamiltonian(lambda: XY(4, 0.7), positions(16), (lambda x: x + 0.7, torch.neg)),
}


class SomeStates(NamedTuple):
    """A few states, one of them a walker each.

    Attributes:
        shape: of one configuration, (n, dim).
        length: side of the periodic cube; None in a trap.
        n_up: electrons of spin up, which stand first.
        pinned: by something that stands in the cube; of translations only those by its sides change nothing.
    """

    make: Callable[[], BaseStates]
    shape: tuple[int, int]
    length: float | None
    n_up: int
    pinned: bool = False

    def points(self, batch: int) -> Tensor:
        scale = 1.0 if self.length is None else self.length
        return scale * normal(1, batch, *self.shape)


LENGTH = 2.5


def plane_waves(n: int, dim: int) -> SlaterDeterminants:
    table = torch.cartesian_prod(*[torch.arange(dim - 3.0, 2.0, dtype=torch.float64)] * dim) + 0.25
    generator = torch.Generator().manual_seed(n + dim)
    chosen = torch.stack([torch.randperm(len(table), generator=generator)[:n] for _ in range(3)])
    return SlaterDeterminants(2 * math.pi / LENGTH * table[chosen], LENGTH)


def of_both_spins(n_up: int, n_down: int, dim: int) -> SpinDeterminants:
    return SpinDeterminants(plane_waves(n_up + n_down, dim).k, LENGTH, n_up)


def mixed_plane_waves(n: int, dim: int, n_down: int = 0) -> BaseStates:
    mixing = ConfigurationInteraction(n, dim, 10.0, 0.25, 6.0, 1.0, n_down=n_down)
    return mixing(torch.tensor([[0], [3], [8]]))


def orbitals(sets: list[list[int]], n_up: int) -> OscillatorDeterminants:
    found = FockDarwin(6)
    return OscillatorDeterminants(found, TrappedFermions(found), torch.tensor(sets), n_up)


def among_protons(n_up: int, n_down: int, twist: tuple[float, ...] = (0.0,) * 3) -> ProtonDeterminants:
    """Of the third walker in other orbitals than the lowest ones."""
    atoms = ScreenedAtoms([1.5, 0.5], LENGTH, 0.4, twist)
    protons = LENGTH * torch.rand(2, 2, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    c = atoms(protons).coefficients[[0, 1, 1]]
    c = torch.cat([c[:2], c[2:].flip(2)])
    return ProtonDeterminants(
        atoms, protons[[0, 1, 1]], c[:, :, :n_up], c[:, :, 1 : 1 + n_down], torch.arange(3)
    )


def pairs_among_protons(twist: tuple[float, ...] = (0.0,) * 3) -> ProtonGeminals:
    """Two pairs in three levels each, of which none is empty."""
    atoms = ScreenedAtoms([1.5, 0.5], LENGTH, 0.4, twist)
    protons = LENGTH * torch.rand(2, 4, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    states = ProtonGeminals.of(atoms, protons, atoms(protons), pairing())
    return states[torch.tensor([0, 1, 1])]


def pairing() -> Pairing:
    made = Pairing(2, 3)
    stirred(made, 0.4)
    return made


def mixing_in_a_trap() -> TrapConfigurationInteraction:
    made = TrapConfigurationInteraction(2, 1, 2.0, 1.0, 3)
    with torch.no_grad():
        made.lowest.add_(0.1 * normal(3, *made.lowest.shape)).mul_(made._real)
    return made


TWO_SPINS = [[0, 1, 2, 0, 1], [0, 4, 7, 2, 5], [3, 8, 14, 9, 20]]
IN_A_TRAP = torch.tensor([[0], [5], [11]])
BASE_STATES = {
    "plane waves 2D": SomeStates(lambda: plane_waves(5, 2), (5, 2), LENGTH, 5),
    "plane waves 3D": SomeStates(lambda: plane_waves(3, 3), (3, 3), LENGTH, 3),
    "mixed plane waves 2D": SomeStates(lambda: mixed_plane_waves(3, 2), (3, 2), box_length(3, 2), 3),
    "mixed plane waves 3D": SomeStates(lambda: mixed_plane_waves(2, 3), (2, 3), box_length(2, 3), 2),
    "plane waves of both spins 2D": SomeStates(lambda: of_both_spins(3, 2, 2), (5, 2), LENGTH, 3),
    "plane waves of both spins 3D": SomeStates(lambda: of_both_spins(2, 1, 3), (3, 3), LENGTH, 2),
    "mixed plane waves of both spins 2D": SomeStates(
        lambda: mixed_plane_waves(3, 2, 1), (3, 2), box_length(3, 2), 2
    ),
    "mixed plane waves of both spins 3D": SomeStates(
        lambda: mixed_plane_waves(2, 3, 1), (2, 3), box_length(2, 3), 1
    ),
    "orbitals of a trap": SomeStates(
        lambda: orbitals([[0, 1, 2], [0, 4, 7], [3, 8, 14]], 3), (3, 2), None, 3
    ),
    "orbitals of a trap, two spins": SomeStates(lambda: orbitals(TWO_SPINS, 3), (5, 2), None, 3),
    "orbitals among protons": SomeStates(lambda: among_protons(2, 0), (2, 3), LENGTH, 2, pinned=True),
    "orbitals among protons, two spins": SomeStates(
        lambda: among_protons(2, 1, (0.5, 0.0, 0.5)), (3, 3), LENGTH, 2, pinned=True
    ),
    "pairs among protons": SomeStates(lambda: pairs_among_protons(), (4, 3), LENGTH, 2, pinned=True),
    "pairs among protons, antiperiodic": SomeStates(
        lambda: pairs_among_protons((0.5, 0.0, 0.5)), (4, 3), LENGTH, 2, pinned=True
    ),
    "mixed orbitals of a trap": SomeStates(lambda: mixing_in_a_trap()(IN_A_TRAP), (3, 2), None, 2),
}


def of_the_gas(momentum_dependent: bool) -> FlowWavefunction:
    declared = TwoStream(depth=2, width=5, pair_width=4, momentum_dependent=momentum_dependent)
    flow = TwoStreamFlow(declared, 2, LENGTH, torch.Generator().manual_seed(1))
    stirred(flow, 0.05)
    return FlowWavefunction(flow)


def of_the_metal() -> FlowWavefunction:
    declared = TwoStream(depth=2, width=5, pair_width=4)
    inner = TwoStreamFlow(declared, 2, LENGTH, torch.Generator().manual_seed(1), Spins(3, 2, 0.5))
    stirred(inner, 0.05)
    return FlowWavefunction(CuspedFlow(inner, PeriodicCusp(3, 2, 2, LENGTH, 1.0)))


def of_a_trap(mixing: TrapConfigurationInteraction | None) -> ContinuousFlowWavefunction:
    torch.manual_seed(0)
    flow = ContinuousFlow(velocity_of(declarations.PairVelocity(width=4), 3, 0, 2), 4)
    stirred(flow, 0.1)
    return ContinuousFlowWavefunction(flow, mixing)


def of_atoms(n_up: int, n_down: int, protons: int = 2, paired: bool = False) -> ProtonWavefunction:
    torch.manual_seed(0)
    velocity = ElectronVelocity(n_up, n_down, protons, LENGTH, width=4, softness=0.4, reach=2.0, three_body=2)
    flow = ElectronFlow(velocity, ElectronCusps(n_up, n_down, LENGTH, 1.4, 3.0), steps=4, tolerance=0.1)
    stirred(flow, 0.05)
    return ProtonWavefunction(flow, pairing() if paired else None)


# name -> (wavefunction, the states that it transforms)
WAVEFUNCTIONS = {
    "of a flow": lambda: (of_the_gas(False), plane_waves(5, 2)),
    "of a flow of each momentum": lambda: (of_the_gas(True), plane_waves(5, 2)),
    "of a flow of both spins": lambda: (of_the_metal(), of_both_spins(3, 2, 2)),
    "of a continuous flow": lambda: (of_a_trap(None), orbitals([[0, 1, 2], [0, 4, 7], [3, 8, 14]], 3)),
    "of a flow among protons": lambda: (of_atoms(2, 0), among_protons(2, 0)),
    "of a flow among protons, two spins": lambda: (of_atoms(2, 1), among_protons(2, 1)),
    "of a flow among protons, paired": lambda: (of_atoms(2, 2, 4, paired=True), pairs_among_protons()),
    "of a continuous flow, mixed": lambda: (of_a_trap(mixing := mixing_in_a_trap()), mixing(IN_A_TRAP)),
}
