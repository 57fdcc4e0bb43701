"""Samples of a trained electron gas, and what is measured in each of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from vfe_lightning.analysis.quasi_particles import Orbitals
from vfe_lightning.estimators.correlations import structure_factor
from vfe_lightning.estimators.momentum_distribution import momentum_distribution, moved_one_by_one
from vfe_lightning.hamiltonians.periodic_box import fermi_energy, plane_waves
from vfe_lightning.systems.electron_gas import ElectronGas
from vfe_lightning.wavefunctions.base_states import BaseStates

REACH = 2.0  # of the momentum distribution, in k_F
ALIKE = 1e-3  # momenta, in 2 pi / L
DRAWN = 8  # samples whose coordinates are kept


@dataclass(frozen=True)
class Sampled:
    """States K ~ p and walkers in them; energies in Ry / r_s^2, lengths in r_s a_0.

    Attributes:
        occupied: (states, electrons).
        log_prob: (states,).
        kinetic, potential: (states, walkers).
        structure: S(k) on the shells of the gas, (states, shells).
    """

    occupied: Tensor
    log_prob: Tensor
    kinetic: Tensor
    potential: Tensor
    structure: Tensor

    @property
    def energies(self) -> Tensor:
        """(states, walkers)."""
        return self.kinetic + self.potential

    @property
    def ceiling(self) -> float:
        """R^2 of the true E_K: the share of the variance of the means that is not noise of the walkers."""
        noise = self.energies.var(dim=1).mean() / self.energies.shape[1]
        return float(1 - noise / self.energies.mean(dim=1).var())


@dataclass(frozen=True)
class Electrons:
    """What the electrons of each state do, beside those of the plain determinant of K.

    Attributes:
        numbers: n_k of each state and spin, means of its walkers, (states, spins, orbitals).
        plain: the same of the determinant in the coordinates zeta, (states, spins, orbitals).
        bare: whether K has k, which is the mean of the latter, (states, spins, orbitals).
        overlap: Phi_K(x) / Psi_K(x), whose mean is the overlap of the two, complex (states, walkers).
        displaced: mean square of zeta - x without what is the same for all electrons, (states,).
        x, zeta: some samples, the centre of zeta moved to that of x, (samples, electrons, dim).
    """

    numbers: Tensor
    plain: Tensor
    bare: Tensor
    overlap: Tensor
    displaced: Tensor
    x: Tensor
    zeta: Tensor


def spins_of(gas: ElectronGas) -> tuple[int, ...]:
    """Electrons of each spin."""
    d = gas.declaration
    return (d.n_up, d.n_down) if d.n_down else (d.n_up,)


def orbitals_of(gas: ElectronGas) -> Orbitals:
    """All plane waves up to so many k_F, on the grid of the gas, whichever may be occupied."""
    d, unit = gas.declaration, 2 * math.pi / gas.hamiltonian.length
    k_fermi = fermi_energy(d.dim, d.majority) ** 0.5
    reach = REACH * k_fermi / unit
    assert isinstance(d.twists, tuple)
    k = plane_waves(d.dim, (reach + math.hypot(*d.twists)) ** 2, d.twists)
    return Orbitals(unit * k[k.norm(dim=1) <= reach], k_fermi, spins_of(gas))


def sampled(gas: ElectronGas, states: int, walkers: int, batch: int) -> Sampled:
    """Fresh samples, `batch` walkers at a time."""
    occupied, log_prob, *measured = _in_batches(partial(_energies, gas), gas, states, walkers, batch)
    kinetic, potential, structure = measured
    return Sampled(occupied, log_prob, kinetic, potential, structure)


def moved(gas: ElectronGas, states: int, walkers: int, batch: int) -> Electrons:
    """Other samples, in which each electron is moved."""
    k = orbitals_of(gas).k.to(gas.device)
    measured = _in_batches(partial(_electrons, gas, k), gas, states, walkers, batch)
    numbers, plain, bare, overlap, displaced, x, zeta = measured
    return Electrons(numbers, plain, bare, overlap, displaced, x[:DRAWN], zeta[:DRAWN])


Measure = Callable[[Tensor, BaseStates, Tensor, int], list[Tensor]]


def _in_batches(measure: Measure, gas: ElectronGas, states: int, walkers: int, batch: int) -> list[Tensor]:
    share, parts = max(batch // walkers, 1), []
    with torch.no_grad():
        for start in range(0, states, share):
            occupied = gas.model.sample(min(share, states - start), gas.generator)
            base = gas.states(occupied.repeat_interleave(walkers, dim=0))
            parts.append(measure(occupied, base, gas.sample_positions(base)[0], walkers))
    return [torch.cat(part) for part in zip(*parts, strict=True)]


def _energies(gas: ElectronGas, occupied: Tensor, base: BaseStates, x: Tensor, walkers: int) -> list[Tensor]:
    s_k = structure_factor(x, gas.wave_vectors, gas.shells)
    measured = gas.local_kinetic(base, x).energy.real, gas.hamiltonian.energy(x), s_k
    kinetic, potential, s_k = (y.unflatten(0, (-1, walkers)) for y in measured)
    return [occupied, gas.model.log_prob(occupied), kinetic, potential, s_k.mean(dim=1)]


def _electrons(
    gas: ElectronGas, k: Tensor, occupied: Tensor, base: BaseStates, x: Tensor, walkers: int
) -> list[Tensor]:
    spins = spins_of(gas)
    zeta = gas.wavefunction.flow(x, base.momentum)
    away = zeta - x - (zeta - x).mean(dim=1, keepdim=True)  # all alike is a phase
    shift = gas.hamiltonian.length * torch.rand(
        x.shape, generator=gas.generator, dtype=x.dtype, device=x.device
    )
    numbers, plain = (
        momentum_distribution(moved_one_by_one(log_psi, at, shift), shift, k, spins)
        for log_psi, at in ((partial(gas.wavefunction.log_psi, base), x), (base.log_psi, zeta))
    )
    tolerance = ALIKE * 2 * math.pi / gas.hamiltonian.length
    has = (torch.cdist(gas.momenta[occupied], k) < tolerance).to(x.dtype)
    bare = torch.stack([part.sum(dim=1) for part in has.split(list(spins), dim=1)], dim=1)
    overlap = (base.log_psi(x) - gas.wavefunction.log_psi(base, x)).exp()
    measured = numbers, plain, overlap, away.square().sum(dim=2).mean(dim=1)
    numbers, plain, overlap, displaced = (y.unflatten(0, (-1, walkers)) for y in measured)
    of_states = [numbers.mean(dim=1), plain.mean(dim=1), bare, overlap, displaced.mean(dim=1)]
    return [*of_states, x[::walkers], (x + away)[::walkers]]
