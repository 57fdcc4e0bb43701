"""Electron gas: an autoregressive p(K) and a normalizing flow of Slater determinants.

Xie, Zhang & Wang, SciPost Phys. 14, 154 (2023), with an exact ideal-gas prior, exact independent
samples and exact local energies.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.analysis import electron_gas_figures as figures
from vfe_lightning.bijectors.inversion import invert
from vfe_lightning.calculus.chunks import Chunks
from vfe_lightning.calculus.replay import replayed
from vfe_lightning.estimate import Estimate
from vfe_lightning.estimators import correlations
from vfe_lightning.estimators.quantum import by_variational_monte_carlo
from vfe_lightning.estimators.virial import energies_by_virial
from vfe_lightning.exact.basis_size import plane_wave_cutoff
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.generative.twisted_occupation import ThermalTwistedOccupation, TwistedOccupation
from vfe_lightning.hamiltonians import electron_gas
from vfe_lightning.hamiltonians.periodic_box import fermi_energy, plane_waves
from vfe_lightning.result import Reference
from vfe_lightning.samplers.metropolis import metropolis
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.basis_check import basis_alarms, basis_numbers, plane_wave_basis
from vfe_lightning.systems.gas_flow import flow_of
from vfe_lightning.systems.gas_profiles import of_occupations, of_positions
from vfe_lightning.systems.gas_references import averaged_numbers, exact_values, landmarks
from vfe_lightning.systems.occupation_model import occupation_model
from vfe_lightning.wavefunctions.base_states import BaseStates
from vfe_lightning.wavefunctions.configuration_interaction import ConfigurationInteraction
from vfe_lightning.wavefunctions.flow_wavefunction import FlowWavefunction
from vfe_lightning.wavefunctions.kinetic import LocalKinetic
from vfe_lightning.wavefunctions.local_kinetic import local_kinetic
from vfe_lightning.wavefunctions.slater import SlaterDeterminants
from vfe_lightning.wavefunctions.spin_determinants import SpinDeterminants


class ElectronGas(VariationalFreeEnergy):
    """Electrons at theta = T / T_F. Internal lengths in r_s a_0, energies in Ry / r_s^2."""

    declaration: declarations.ElectronGas
    momenta: Tensor  # of the orbitals of one spin after the other, in absolute units, before several twists
    wave_vectors: Tensor  # of the untwisted grid but for zero, one of k and -k: (vectors, dim)
    shells: Tensor  # of equal length that the wave vectors belong to, (vectors,)
    units, per, unit_of_length = "Ry", "electron", "r_s a_0"

    def __init__(self, declaration: declarations.ElectronGas) -> None:
        super().__init__()
        d = self.declaration = declaration
        self.size, self.energy_unit = d.n, 1 / d.rs**2
        self.temperature = d.theta * fermi_energy(d.dim, d.majority)
        self.least_batch = d.walkers_per_state
        self.hamiltonian = electron_gas.ElectronGas(d.n, d.dim, d.rs)
        self.cutoff = d.cutoff or plane_wave_cutoff(d.n_up, d.dim, d.theta, d.twists, d.n_down)
        one = d.twists if isinstance(d.twists, tuple) else (0.0,) * d.dim
        orbitals = plane_waves(d.dim, self.cutoff, one)
        momenta = 2 * math.pi / self.hamiltonian.length * orbitals
        self.register_buffer("momenta", momenta.repeat(2 if d.n_down else 1, 1), persistent=False)
        k, shells = correlations.reciprocal_shells(d.dim, self.hamiltonian.length)
        self.register_buffer("wave_vectors", k, persistent=False)
        self.register_buffer("shells", shells, persistent=False)
        self.mixing = None
        if isinstance(d.base_states, declarations.ConfigurationInteraction):
            self.mixing = ConfigurationInteraction(
                d.n, d.dim, d.rs, one, d.base_states.cutoff, self.temperature, d.n_down
            )
        self.model = occupation_model(d, orbitals, self.mixing)
        self.wavefunction = FlowWavefunction(flow_of(d, self.hamiltonian.length), d.precision == "mixed")
        self.chunks = Chunks(8 * (d.n * d.dim) ** 3, d.chunk_size)
        self.lost = plane_wave_basis(self, self.cutoff)

    def estimate(self, n_samples: int) -> Estimate:
        d = self.declaration
        with torch.no_grad():
            occupied = replayed(self.model.sample, n_samples // d.walkers_per_state, self.generator)
            log_prob = replayed(self.model.log_prob, occupied)
            states = self.states(occupied.repeat_interleave(d.walkers_per_state, dim=0))
            x, sampler = self.sample_positions(states)
            kinetic, potential = self.local_kinetic(states, x), replayed(self.hamiltonian.energy, x)
        estimate = by_variational_monte_carlo(
            kinetic.energy + potential,
            log_prob,
            self.temperature,
            p=(self.model, partial(replayed, self.model.scores, occupied)),
            psi=(self.wavefunction, partial(self.scores_of_psi, states, x)),
            clip_width=d.clip,
            baseline=self.baseline(occupied),
        )
        return replace(
            estimate,
            energies=energies_by_virial(kinetic.energy.real, potential, estimate.free_energy, d.dim),
            diagnostics=sampler if isinstance(d.sampler, declarations.Metropolis) else {},
            maxima=sampler if isinstance(d.sampler, declarations.Determinantal) else {},
            minima={
                "log_det_jacobian_min": kinetic.log_det.min(),
                "sign_det_jacobian_min": kinetic.sign.min(),
            },
            profiles=self.profiles(x, occupied),
            samples=x.detach,
            of_one=isinstance(d.twists, tuple),
        )

    def baseline(self, sample: Tensor) -> Tensor | None:
        """F of the ideal gas of each twist, where there are several at T > 0: (states,)."""
        if not isinstance(self.model, ThermalTwistedOccupation):
            return None
        return -self.temperature * replayed(self.model.log_z, sample)

    def positions(self, states: BaseStates) -> Tensor:
        return self.sample_positions(states)[0]

    def profiles(self, x: Tensor, sample: Tensor) -> dict[str, Callable[[], Tensor]]:
        """g(r) and S(k) of each walker, and <n_k> where K are orbitals."""
        d = self.declaration
        made = of_positions(d, self.hamiltonian.length, self.wave_vectors, self.shells, x)
        if self.mixing is None:
            made |= of_occupations(d, self.cutoff, len(self.momenta), self.model, sample)
        return made

    def states(self, sample: Tensor) -> BaseStates:
        """What the flow transforms, named by a sample of p(K)."""
        if self.mixing is not None:
            return self.mixing(sample)
        d, length = self.declaration, self.hamiltonian.length
        if isinstance(self.model, TwistedOccupation):
            k = 2 * math.pi / length * self.model.wave_vectors(sample)
        else:
            k = self.momenta[sample]
        return SpinDeterminants(k, length, d.n_up) if d.n_down else SlaterDeterminants(k, length)

    def sample_positions(self, states: BaseStates) -> tuple[Tensor, dict[str, Tensor]]:
        """x ~ |Psi_K|^2 for each state, and how the sampler fared: (batch, n, dim)."""
        z = states.sample(self.generator)
        match self.declaration.sampler:
            case declarations.Determinantal(tolerance=tolerance):
                inverse = invert(self.wavefunction.flow, z, tolerance, momentum=states.momentum)
                return inverse.x, {
                    "newton_iterations": z.new_full((), inverse.iterations),
                    "inversion_residual": inverse.residual.max(),
                }
            case declarations.Metropolis(steps=steps, step_size=step_size):
                # One fixed-point step of zeta(x) = z brings the free fermions close to |Psi|^2.
                start = 2 * z - self.wavefunction.flow(z, states.momentum)
                walk = metropolis(
                    lambda x: 2 * self.wavefunction.log_psi(states, x).real,
                    start,
                    steps,
                    step_size,
                    self.generator,
                )
                return walk.x, {
                    "acceptance": walk.acceptance,
                    "step_size": walk.step_size,
                    "autocorrelation_time": walk.autocorrelation_time,
                }

    def local_kinetic(self, states: BaseStates, x: Tensor) -> LocalKinetic:
        d, flow = self.declaration, self.wavefunction.flow
        made = partial(local_kinetic, d.kinetic, flow, states, x, generator=self.generator)
        return self.chunks.run(made, x.device)

    def scores_of_psi(self, states: BaseStates, x: Tensor) -> Tensor:
        """d ln Psi / d parameters, which takes less memory than second derivatives: (batch, parameters)."""
        return self.chunks.run(lambda size: self.wavefunction.scores(states, x, 8 * size), x.device)

    def reference(self, tolerance: float = math.inf) -> Reference:
        return exact_values(self.declaration, tolerance)

    def landmarks(self) -> dict[str, float]:
        return landmarks(self.declaration, self.cutoff)

    def contained(self) -> frozenset[str]:
        """The identity is a flow, and every model of p(K) contains the ideal gas on the same orbitals.

        The cusp of opposite spins, which is not trained, is in no landmark.
        """
        return frozenset({"Hartree-Fock"} if self.mixing is None and not self.declaration.n_down else ())

    def derived(self) -> dict[str, Moments]:
        return basis_numbers(self, self.lost) | averaged_numbers(
            self.declaration, self.cutoff, self.reporting
        )

    def alarms(self) -> dict[str, str]:
        return basis_alarms(self, self.lost)

    def figures(self) -> dict[str, Figure]:
        taken = self.declaration.model_copy(update={"cutoff": self.cutoff})
        return figures.electron_gas_figures(taken, self.evaluation)
