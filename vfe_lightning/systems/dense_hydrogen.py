r"""Dense hydrogen: classical protons on a flow of the torus, and the ground state of electrons among them.

$$ F = E_{S \sim p} [ T \ln p(S) + E_{x \sim |\Psi_S|^2} \, (H \Psi_S / \Psi_S) + V_{pp}(S) ] $$

Xie, Li, Wang, Zhang & Wang, PRL 131, 126501 (2023), but with exact samples of both, and a normalised p. The
protons are trained first on the energy of a determinant of screened atoms, which has no noise; after that the
cost of Psi is its local energy beyond it, since E_x Re(grad ln Psi) = 0 at each S. Bohr, Hartree.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.estimate import Estimate, Factor
from vfe_lightning.estimators import correlations
from vfe_lightning.estimators.quantum import by_variational_monte_carlo
from vfe_lightning.exact.hydrogen_pair import thermal_pair
from vfe_lightning.exact.nuclear_motion import nuclear_motion, over_volume, pressure
from vfe_lightning.exact.proton_hartree_fock import determinant_energy
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.hamiltonians.hydrogen import Hydrogen
from vfe_lightning.hamiltonians.periodic_box import box_length
from vfe_lightning.hamiltonians.screened_atoms import ScreenedAtoms
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.hydrogen_at_rest import BINS, electron_flow, pair_profiles
from vfe_lightning.systems.one_component_plasma import above_uniform, require_no_fold, torus_flow
from vfe_lightning.units import KELVIN, RYDBERG
from vfe_lightning.wavefunctions.proton_determinants import ProtonDeterminants
from vfe_lightning.wavefunctions.proton_wavefunction import ProtonWavefunction

# Of the quadrature of two atoms: points an axis, Bohr between points of the grid, exponents; 1e-4 Ha in all
POINTS, SPACING, LONGEST = 4, 0.25, 6.5
S_FUNCTIONS, P_FUNCTIONS = (5.0, 1.4, 0.42, 0.15), (1.1, 0.4)


class DenseHydrogen(VariationalFreeEnergy):
    """As many electrons as protons, half of them of either spin."""

    declaration: declarations.DenseHydrogen
    units, per, unit_of_length = "Ha", "atom", "Bohr"
    energy_unit = 1.0
    units_of: Mapping[str, tuple[str, str]] = {
        "total_free_energy": ("Ha", "cube"),
        "total_energy": ("Ha", "cube"),
        "total_entropy": ("k_B", "cube"),
    }

    def __init__(self, declaration: declarations.DenseHydrogen) -> None:
        super().__init__()
        d = self.declaration = declaration
        self.size, self.temperature = d.n, d.kelvin / KELVIN
        self.length = d.rs * box_length(d.n, 3)
        self.least_batch = d.walkers_per_geometry
        self.hamiltonian = Hydrogen(d.n, self.length)
        self.atoms = ScreenedAtoms(d.orbitals.exponents, self.length, d.orbitals.spacing)
        self.model = torus_flow(d.protons, d.n)
        self.wavefunction = ProtonWavefunction(electron_flow(d.flow, d.n // 2, d.n // 2, d.n, self.length))

    def estimate(self, n_samples: int) -> Estimate:
        """Raises NotInvertible where a layer of p(S) folds at a sample."""
        d = self.declaration
        with torch.no_grad():
            z = self.model.start.sample(n_samples // d.walkers_per_geometry, self.generator)
            s, log_prob = self.model.carried(z)
            require_no_fold(log_prob.isnan().sum())
            states = self.states(s)
            mean_field = determinant_energy(self.atoms, states.geometries, states.up, states.down)
        scores = partial(self.model.scores, z)
        if self.training and self.global_step < d.mean_field_steps:
            return self.of_mean_field(mean_field, log_prob, scores)
        states = states[torch.arange(len(s), device=s.device).repeat_interleave(d.walkers_per_geometry)]
        with torch.no_grad():
            x, residual = self.wavefunction.sample(states, self.generator)
            kinetic = 0.5 * self.wavefunction.kinetic(states, x, d.chunk_size).energy
            found = self.hamiltonian.interactions(x, states.protons)
            potential = found.electrons + found.protons + found.attraction
        estimate = by_variational_monte_carlo(
            kinetic + potential,
            log_prob,
            self.temperature,
            p=(self.model, scores),
            psi=(self.wavefunction, lambda: self.wavefunction.scores(states, x)),
            clip_width=d.clip,
            unit_of_p=self.temperature,
        )
        p, psi = estimate.factors
        beyond = kinetic + potential - mean_field.repeat_interleave(d.walkers_per_geometry)
        return replace(
            estimate,
            factors=(p, replace(psi, cost=beyond)),
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
            },
            maxima={"inversion_residual": residual.max()},
            profiles=self.profiles(x, states.protons),
            samples=x.detach,
        )

    def of_mean_field(self, energy: Tensor, log_prob: Tensor, scores: Callable[[], Tensor]) -> Estimate:
        """F of the determinants of screened atoms, of which p(S) alone is trained."""
        free_energy = energy + self.temperature * log_prob
        factor = Factor("p", self.model, scores, free_energy / self.temperature, self.declaration.clip)
        return Estimate(free_energy, energy, -log_prob, factors=(factor,))

    def states(self, sample: Tensor) -> ProtonDeterminants:
        """The lowest orbitals of each S, one walker each; S as p has it, in sides of the cube."""
        protons = self.length * (sample - sample.floor())
        coefficients = self.atoms(protons).coefficients[:, :, : self.size // 2]
        each = torch.arange(len(protons), device=protons.device)
        return ProtonDeterminants(self.atoms, protons, coefficients, coefficients, each)

    def positions(self, states: ProtonDeterminants) -> Tensor:
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
        pair = thermal_pair(d.rs, d.kelvin, POINTS, SPACING, S_FUNCTIONS, P_FUNCTIONS)
        return {"full configuration interaction": pair.free_energy}

    def derived(self) -> dict[str, Moments]:
        """F, E and S with the motion of the nuclei, and the pressure."""
        d, found = self.declaration, self.evaluation
        if "virial" not in found:
            return {}
        motion = nuclear_motion(d.n, d.rs, d.kelvin, d.mass)
        # p is of positions in sides of the cube, the motion's entropy of those in r_s
        entropy = motion.entropy + math.log(4 * math.pi * d.n / 3)
        energy = RYDBERG * motion.energy
        added = {"free_energy": energy - self.temperature * entropy, "energy": energy, "entropy": entropy}
        known = {}
        for name, more in added.items():
            moved = Moments.with_error(found[name].mean + more, found[name].error)
            known[f"{name}_with_motion"] = moved.measured_in(found[name].units, self.per)
        kinetic, potential = (d.n * found[k].mean.item() / RYDBERG for k in ("kinetic", "potential"))
        value = pressure(kinetic, potential, d.n, d.rs, d.kelvin)
        error = over_volume(found["virial"].error.item() / RYDBERG, d.rs)
        of_protons = Moments.with_error(*torch.tensor([value, error], dtype=torch.float64))
        return known | {"pressure": of_protons.measured_in("GPa")}

    def alarms(self) -> dict[str, str]:
        return above_uniform(self.evaluation, "protons")
