"""The electrons of dense hydrogen: in their ground state at each S, or in levels by p(K|S)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.calculus.replay import replayed
from vfe_lightning.estimate import Factor
from vfe_lightning.estimators import correlations
from vfe_lightning.exact.proton_hartree_fock import determinant_energy
from vfe_lightning.generative.level_occupation import LevelOccupation
from vfe_lightning.hamiltonians.screened_atoms import Orbitals, ScreenedAtoms
from vfe_lightning.wavefunctions.pairing import Pairing
from vfe_lightning.wavefunctions.proton_determinants import ProtonDeterminants
from vfe_lightning.wavefunctions.proton_geminals import ProtonGeminals
from vfe_lightning.wavefunctions.proton_wavefunction import ProtonStates


def occupation_of(
    d: declarations.ElectronLevels | declarations.ElectronGroundState, n: int, beta: float
) -> LevelOccupation | None:
    """p(K|S) of n electrons, half of them of spin up; None of the ground state."""
    match d:
        case declarations.ElectronLevels(levels=levels):
            return LevelOccupation(n // 2, n // 2, levels, beta)
        case declarations.ElectronGroundState():
            return None


def determinants(
    atoms: ScreenedAtoms, protons: Tensor, orbitals: Orbitals, occupied: Tensor, levels: int
) -> ProtonDeterminants:
    """One walker of each geometry in its K, (geometries, n); levels of spin down follow those of spin up."""
    up, down = (
        orbitals.coefficients.gather(2, k[:, None].expand(-1, orbitals.coefficients.shape[1], -1))
        for k in (occupied % levels).chunk(2, dim=1)
    )
    return ProtonDeterminants(atoms, protons, up, down, torch.arange(len(protons), device=protons.device))


def lowest(protons: Tensor, occupation: LevelOccupation | None) -> Tensor:
    """K of the lowest orbitals: (geometries, n)."""
    half = protons.shape[1] // 2
    count = len(occupation.offset) if occupation else half
    one = torch.arange(half, device=protons.device)
    return torch.cat([one, one + count]).repeat(len(protons), 1)


@dataclass(frozen=True)
class Electrons:
    """Of drawn geometries.

    Attributes:
        states: one walker of each geometry; geminals, if electrons are paired.
        occupied: K, (geometries, n).
        log_prob: ln p(K|S), (geometries,); 0 of ground states.
        lowest: the same geometries in their lowest orbitals.
        levels: energies, (geometries, levels), in units of 1 / beta's.
    """

    states: ProtonStates
    occupied: Tensor
    log_prob: Tensor
    lowest: ProtonDeterminants
    levels: Tensor

    @classmethod
    def drawn(
        cls,
        atoms: ScreenedAtoms,
        protons: Tensor,
        occupation: LevelOccupation | None,
        pairing: Pairing | None,
        generator: torch.Generator | None,
        occupied: Tensor | None = None,
    ) -> "Electrons":
        """K of each S by p(K|S), or as it is given.

        Args:
            protons: (geometries, N, 3), in Bohr.
        """
        orbitals, ground = atoms(protons), lowest(protons, occupation)
        count = len(occupation.offset) if occupation else protons.shape[1] // 2
        levels = orbitals.energies[:, :count]
        below, certain = (
            determinants(atoms, protons, orbitals, ground, count),
            protons.new_zeros(len(protons)),
        )
        if pairing:
            return cls(ProtonGeminals.of(atoms, protons, orbitals, pairing), ground, certain, below, levels)
        if occupied is None:
            occupied = occupation.sample(levels, generator) if occupation else ground
        states = determinants(atoms, protons, orbitals, occupied, count)
        log_prob = occupation.log_prob(levels, occupied) if occupation else certain
        return cls(states, occupied, log_prob, below, levels)

    @cached_property
    def mean_field(self) -> Tensor:
        """E of the determinants of K, (geometries,); those of paired electrons are the lowest."""
        if isinstance(self.states, ProtonGeminals):
            return self.baseline
        return replayed(mean_field_energy, self.states)

    @cached_property
    def baseline(self) -> Tensor:
        """The same of the lowest orbitals."""
        return replayed(mean_field_energy, self.lowest)

    def profiles(self, walkers: int) -> dict[str, Callable[[], Tensor]]:
        """<n> of the levels of a spin, for each of so many walkers a geometry; nothing of ground states."""
        count = self.levels.shape[1]
        if 2 * count == self.occupied.shape[1]:
            return {}

        def occupation() -> Tensor:
            numbers = correlations.occupation_numbers(self.occupied, 2 * count)
            return numbers.unflatten(1, (2, count)).mean(1).repeat_interleave(walkers, 0)

        return {"occupation": occupation}

    def factor(self, occupation: LevelOccupation, energy: Tensor, clip: float) -> Factor:
        """Of p(K|S), by the energy of each geometry (geometries,) beyond that of its lowest orbitals.

        What is the same of all K of one S is in no gradient but in its noise.
        """
        cost = occupation.beta * (energy - self.baseline) + self.log_prob
        scores = partial(occupation.scores, self.levels, self.occupied)
        return Factor("occupation", occupation, scores, cost, clip)


def mean_field_energy(states: ProtonDeterminants) -> Tensor:
    """E of one walker of each geometry, in Hartree, (geometries,)."""
    return determinant_energy(states.atoms, states.geometries, states.up, states.down)
