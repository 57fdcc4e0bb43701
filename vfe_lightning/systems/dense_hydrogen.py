r"""Dense hydrogen: classical protons on a flow of the torus, and electrons among them.

$$ F = E_{S, K} [ T \ln p(S, K) + E_{x \sim |\Psi_{SK}|^2} \, (H \Psi_{SK} / \Psi_{SK}) + V_{pp}(S) ] $$

Xie, Li, Wang, Zhang & Wang, PRL 131, 126501 (2023), in the ground state, and Li, Xie, Dong & Wang,
arXiv:2507.18540; but with exact samples of all, and a normalised p. p is trained first on the energy of
determinants of screened atoms, which has no noise; after that the cost of Psi is its local energy beyond it,
since E_x Re(grad ln Psi) = 0 at each S and K. Bohr, Hartree.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.analysis.hydrogen_figures import hydrogen_figures
from vfe_lightning.calculus.chunks import of_continuous_flow
from vfe_lightning.calculus.replay import replayed
from vfe_lightning.estimate import Estimate, Factor
from vfe_lightning.estimators import correlations
from vfe_lightning.estimators.quantum import by_variational_monte_carlo
from vfe_lightning.exact.hydrogen_pair import thermal_pair
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.hamiltonians.hydrogen import Hydrogen
from vfe_lightning.hamiltonians.periodic_box import along_axes, box_length
from vfe_lightning.hamiltonians.screened_atoms import ScreenedAtoms
from vfe_lightning.statistics import Moments, group_means
from vfe_lightning.systems.hydrogen_at_rest import BINS, pair_profiles, proton_wavefunction
from vfe_lightning.systems.hydrogen_electrons import Electrons, lowest, occupation_of
from vfe_lightning.systems.hydrogen_motion import with_motion
from vfe_lightning.systems.one_component_plasma import above_uniform, require_no_fold, torus_flow
from vfe_lightning.units import KELVIN
from vfe_lightning.wavefunctions.proton_wavefunction import ProtonStates

# Of the quadrature of two atoms: points an axis, Bohr between points of the grid, exponents; 1e-4 Ha in all
POINTS, SPACING, LONGEST = 4, 0.25, 6.5
BOND = 1.8  # Bohr, at most, in a molecule: near the first minimum of g(r) of protons
S_FUNCTIONS, P_FUNCTIONS = (12.0, 3.5, 1.2, 0.45, 0.16), (3.0, 1.1, 0.4)


class DenseHydrogen(VariationalFreeEnergy):
    """As many electrons as protons, half of them of either spin."""

    declaration: declarations.DenseHydrogen
    units, per, unit_of_length = "Ha", "atom", "Bohr"
    energy_unit = 1.0
    units_of: Mapping[str, tuple[str, str]] = {
        **dict.fromkeys(("total_free_energy", "total_energy"), ("Ha", "cube")),
        "total_entropy": ("k_B", "cube"),
        **dict.fromkeys(("proton_entropy", "electron_entropy"), ("k_B", "atom")),
    }

    def __init__(self, declaration: declarations.DenseHydrogen) -> None:
        super().__init__()
        d = self.declaration = declaration
        self.size, self.temperature = d.n, d.kelvin / KELVIN
        self.length = d.rs * box_length(d.n, 3)
        self.least_batch = d.walkers_per_geometry
        self.hamiltonian = Hydrogen(d.n, self.length)
        self.atoms = ScreenedAtoms(
            d.orbitals.exponents, self.length, d.orbitals.spacing, along_axes(d.twist, 3)
        )
        self.model = torus_flow(d.protons, d.n)
        self.occupation = occupation_of(d.occupation, d.n, 1 / self.temperature)
        spins = d.n // 2, d.n // 2
        self.wavefunction = proton_wavefunction(d.flow, *spins, d.n, self.length, d.levels_of_pairs)
        self.chunks = of_continuous_flow(d.n, 3, d.n, d.chunk_size)

    def estimate(self, n_samples: int) -> Estimate:
        """Raises NotInvertible where a layer of p(S) folds at a sample."""
        d = self.declaration
        with torch.no_grad():
            z = self.model.start.sample(n_samples // d.walkers_per_geometry, self.generator)
            s, log_prob = replayed(self.model.carried, z)
            require_no_fold(log_prob.isnan().sum())
            electrons = self.electrons(s)
        log_p = log_prob + electrons.log_prob
        scores = partial(replayed, self.model.scores, z)
        if self.training and self.global_step < d.mean_field_steps:
            return self.of_mean_field(electrons, log_p, scores)
        each = torch.arange(len(s), device=s.device).repeat_interleave(d.walkers_per_geometry)
        states = electrons.states[each]
        with torch.no_grad():
            x, residual = self.wavefunction.sample(states, self.generator)
            made = partial(self.wavefunction.kinetic, states, x)
            kinetic = 0.5 * self.chunks.run(made, x.device).energy
            found = replayed(self.hamiltonian.interactions, x, states.protons)
            potential = found.electrons + found.protons + found.attraction
        estimate = by_variational_monte_carlo(
            kinetic + potential,
            log_p,
            self.temperature,
            p=(self.model, scores),
            psi=(self.wavefunction, lambda: self.scores_of_psi(states, x)),
            clip_width=d.clip,
            unit_of_p=self.temperature,
        )
        p, psi = estimate.factors
        beyond = kinetic + potential - electrons.mean_field[each]
        of_geometry = group_means(estimate.energy, d.walkers_per_geometry)
        return replace(
            estimate,
            factors=(p, *self.of_levels(electrons, of_geometry), replace(psi, cost=beyond)),
            energies={
                "kinetic": kinetic.real,
                "potential": potential,
                "electrons": found.electrons,
                "protons": found.protons,
                "attraction": found.attraction,
                "virial": (2 * kinetic.real + potential) / 3,
            },
            observables={
                "total_free_energy": estimate.free_energy,
                "total_energy": estimate.energy,
                "total_entropy": estimate.entropy,
                "proton_entropy": -log_prob[each] / d.n,
                "electron_entropy": -electrons.log_prob[each] / d.n,
                "molecular_fraction": correlations.paired(states.protons, self.length, BOND),
            },
            maxima={"inversion_residual": residual.max()},
            profiles=self.profiles(x, states.protons) | electrons.profiles(d.walkers_per_geometry),
            samples=x.detach,
        )

    def of_mean_field(self, electrons: Electrons, log_p: Tensor, scores: Callable[[], Tensor]) -> Estimate:
        """F of the determinants of screened atoms, of which p(S) and p(K|S) alone are trained."""
        energy = electrons.mean_field
        free_energy = energy + self.temperature * log_p
        factor = Factor("p", self.model, scores, free_energy / self.temperature, self.declaration.clip)
        return Estimate(free_energy, energy, -log_p, factors=(factor, *self.of_levels(electrons, energy)))

    def of_levels(self, electrons: Electrons, energy: Tensor) -> tuple[Factor, ...]:
        """The factor of p(K|S), where there is one; E of each geometry."""
        if not self.occupation:
            return ()
        return (electrons.factor(self.occupation, energy, self.declaration.clip),)

    def electrons(self, s: Tensor, occupied: Tensor | None = None) -> Electrons:
        """At each S as p has it, in sides of the cube; in the levels of K, or drawn."""
        protons = self.length * (s - s.floor())
        how = self.occupation, self.wavefunction.pairing
        return Electrons.drawn(self.atoms, protons, *how, self.generator, occupied)

    def states(self, sample: Tensor | tuple[Tensor, Tensor]) -> ProtonStates:
        """Of pairs of S and K, or of each S in its ground state."""
        s, occupied = sample if isinstance(sample, tuple) else (sample, None)
        return self.electrons(s, lowest(s, self.occupation) if occupied is None else occupied).states

    @torch.no_grad()
    def sample(self, n: int) -> Any:
        """n independent samples of the state, S or the pair of S and K, and of x."""
        s = self.model.sample(n, self.generator)
        electrons = self.electrons(s)
        return (s, electrons.occupied) if self.occupation else s, self.positions(electrons.states)

    def log_prob(self, x: Tensor | tuple[Tensor, Tensor]) -> Tensor:
        """ln p(S), or ln p(S) p(K|S) of a pair: (batch,)."""
        s, occupied = x if isinstance(x, tuple) else (x, None)
        log_p = self.model.log_prob(s)
        return log_p if occupied is None else log_p + self.electrons(s, occupied).log_prob

    def scores_of_psi(self, states: ProtonStates, x: Tensor) -> Tensor:
        return self.chunks.run(lambda size: self.wavefunction.scores(states, x, 2 * size), x.device)

    def positions(self, states: ProtonStates) -> Tensor:
        return self.wavefunction.sample(states, self.generator)[0]

    def profiles(self, x: Tensor, protons: Tensor) -> dict[str, Callable[[], Tensor]]:
        """g(r) of each walker: of protons, of electrons and protons, and of pairs of electrons."""
        half = self.size // 2
        among = partial(correlations.pair_correlation, protons, self.length, BINS)
        return {"pair_correlation_protons": among} | pair_profiles(x, protons, (half, half), self.length)

    def landmarks(self) -> dict[str, float]:
        """Of two atoms, all states of their electrons in a basis, at all distances of the protons.

        In larger cubes its grid takes too long.
        """
        d = self.declaration
        if d.n != 2 or self.length > LONGEST:
            return {}
        twist = along_axes(d.twist, 3)
        pair = thermal_pair(d.rs, d.kelvin, POINTS, SPACING, S_FUNCTIONS, P_FUNCTIONS, twist)
        return {"full configuration interaction": pair.free_energy}

    def derived(self) -> dict[str, Moments]:
        """F, E and S with the motion of the nuclei, and the pressure."""
        return with_motion(self.declaration, self.evaluation) if "virial" in self.evaluation else {}

    def figures(self) -> dict[str, Figure]:
        """g(r) of all kinds of pairs, and the occupation of levels."""
        return hydrogen_figures(self.length, self.evaluation)

    def alarms(self) -> dict[str, str]:
        return above_uniform(self.evaluation, "protons", "proton_entropy")
