"""The ground state of electrons among protons at rest, by variational Monte Carlo with exact samples.

As Xie, Li, Wang, Zhang & Wang, PRL 131, 126501 (2023), have it at given protons, but with orbitals of one
diagonalisation, a flow that is a bijection by construction, and its cusps. Bohr, Hartree.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import torch
from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.analysis.hydrogen_figures import hydrogen_figures
from vfe_lightning.bijectors.electron_cusps import ElectronCusps
from vfe_lightning.bijectors.electrons_among_protons import ElectronFlow, ElectronVelocity
from vfe_lightning.calculus.chunks import of_continuous_flow
from vfe_lightning.calculus.replay import replayed
from vfe_lightning.estimate import Estimate
from vfe_lightning.estimators import correlations
from vfe_lightning.estimators.quantum import by_variational_monte_carlo
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.generative.occupation import FermiSea
from vfe_lightning.hamiltonians.hydrogen import Hydrogen
from vfe_lightning.hamiltonians.periodic_box import along_axes
from vfe_lightning.hamiltonians.screened_atoms import Orbitals, ScreenedAtoms
from vfe_lightning.systems.hydrogen_references import landmarks, placed
from vfe_lightning.wavefunctions.pairing import Pairing
from vfe_lightning.wavefunctions.proton_determinants import ProtonDeterminants
from vfe_lightning.wavefunctions.proton_geminals import ProtonGeminals
from vfe_lightning.wavefunctions.proton_wavefunction import ProtonStates, ProtonWavefunction

BINS = 40  # of g(r)


class HydrogenAtRest(VariationalFreeEnergy):
    """As many electrons as protons, which stand where they are declared."""

    declaration: declarations.HydrogenAtRest
    protons: Tensor  # (1, N, 3)
    energies: Tensor  # (1, M): of all orbitals
    coefficients: Tensor  # (1, M, M)
    units, per, unit_of_length = "Ha", "atom", "Bohr"
    energy_unit, temperature = 1.0, 0.0
    units_of: Mapping[str, tuple[str, str]] = {"total_energy": ("Ha", "cube")}

    def __init__(self, declaration: declarations.HydrogenAtRest) -> None:
        super().__init__()
        d = self.declaration = declaration
        self.size = len(d.protons)
        self.hamiltonian = Hydrogen(self.size, d.length)
        self.atoms = ScreenedAtoms(d.orbitals.exponents, d.length, d.orbitals.spacing, along_axes(d.twist, 3))
        protons = placed(d)[None]
        orbitals = self.atoms.told_apart(protons, self.atoms(protons))
        self.model = FermiSea(
            self.size, torch.cat([torch.arange(d.up), orbitals.energies.shape[1] + torch.arange(d.down)])
        )
        tables = {
            "protons": protons,
            "energies": orbitals.energies,
            "coefficients": orbitals.coefficients,
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)
        self.wavefunction = proton_wavefunction(d.flow, d.up, d.down, self.size, d.length, d.levels_of_pairs)
        self.chunks = of_continuous_flow(self.size, 3, self.size, d.chunk_size)

    @property
    def up(self) -> Tensor:
        """Occupied orbitals, (1, M, n_up)."""
        return self.coefficients[:, :, : self.declaration.up]

    @property
    def down(self) -> Tensor:
        """(1, M, n_down)."""
        return self.coefficients[:, :, : self.declaration.down]

    def estimate(self, n_samples: int) -> Estimate:
        with torch.no_grad():
            occupied = self.model.sample(n_samples, self.generator)
            states = self.states(occupied)
            x, residual = self.wavefunction.sample(states, self.generator)
            made = partial(self.wavefunction.kinetic, states, x)
            kinetic = 0.5 * self.chunks.run(made, x.device).energy
            found = replayed(self.hamiltonian.interactions, x, states.protons)
        estimate = by_variational_monte_carlo(
            kinetic + found.electrons + found.protons + found.attraction,
            self.model.log_prob(occupied),
            self.temperature,
            p=(self.model, partial(self.model.scores, occupied)),
            psi=(self.wavefunction, lambda: self.scores_of_psi(states, x)),
            clip_width=self.declaration.clip,
        )
        return replace(
            estimate,
            energies={
                "kinetic": kinetic.real,
                "electrons": found.electrons,
                "protons": found.protons,
                "attraction": found.attraction,
            },
            observables={"total_energy": estimate.energy},
            maxima={"inversion_residual": residual.max()},
            profiles=self.profiles(x),
            samples=x.detach,
        )

    def states(self, sample: Tensor) -> ProtonStates:
        """The determinant or geminal, as often as it was drawn."""
        geometry = sample.new_zeros(len(sample))
        if self.wavefunction.pairing:
            levels = Orbitals(self.energies, self.coefficients)
            return ProtonGeminals.of(self.atoms, self.protons, levels, self.wavefunction.pairing)[geometry]
        return ProtonDeterminants(self.atoms, self.protons, self.up, self.down, geometry)

    def scores_of_psi(self, states: ProtonStates, x: Tensor) -> Tensor:
        return self.chunks.run(lambda size: self.wavefunction.scores(states, x, 2 * size), x.device)

    def positions(self, states: ProtonStates) -> Tensor:
        return self.wavefunction.sample(states, self.generator)[0]

    def profiles(self, x: Tensor) -> dict[str, Callable[[], Tensor]]:
        """g(r) of electrons and protons, and of each kind of pairs of electrons, of each walker."""
        d = self.declaration
        return pair_profiles(x, self.protons.expand(len(x), -1, -1), (d.up, d.down), d.length)

    def figures(self) -> dict[str, Figure]:
        """g(r) of all kinds of pairs."""
        return hydrogen_figures(self.declaration.length, self.evaluation)

    def landmarks(self) -> dict[str, float]:
        """Mean fields and, of two electrons, all states of the basis; cusps are in none of them."""
        return landmarks(self.declaration, placed(self.declaration))


def proton_wavefunction(
    d: declarations.ElectronFlow, n_up: int, n_down: int, protons: int, length: float, levels: int
) -> ProtonWavefunction:
    """That of electrons among as many protons anywhere; of pairs in so many levels, or of determinants."""
    velocity = ElectronVelocity(n_up, n_down, protons, length, d.width, d.softness, d.reach, d.three_body)
    cusps = ElectronCusps(n_up, n_down, length, d.proton_cusp, d.pair_cusp)
    pairing = Pairing(n_up, levels) if levels else None
    return ProtonWavefunction(ElectronFlow(velocity, cusps, d.steps, d.tolerance), pairing)


def pair_profiles(
    x: Tensor, protons: Tensor, spins: tuple[int, int], length: float
) -> dict[str, Callable[[], Tensor]]:
    """g(r) of each walker: of electrons and protons, and of each kind of pairs of electrons."""
    n, g = x.shape[1], partial(correlations.pair_correlation, length=length, bins=BINS)
    of_each = correlations.pairs_of_spins(n, n, x.device)["opposite"]
    made = {"pair_correlation_proton": lambda: g(torch.cat([x, protons], dim=1), pairs=of_each)}
    for kind, pairs in correlations.pairs_of_spins(*spins, x.device).items():
        made[f"pair_correlation_{kind}"] = partial(g, x, pairs=pairs)
    return made
