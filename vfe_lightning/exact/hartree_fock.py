r"""Hartree-Fock of the electron gas: plane waves, and the exact p(K) of the ideal gas.

It is what the ansatz gives before any training, in closed form, but for the cusp of opposite spins. Each spin
has its own exchange and its own canonical ideal gas; opposite spins do not see each other. A determinant of
plane waves has

$$ \langle V \rangle_K = N \frac{r_s}{L} \xi - \sum_{i<j} v(k_i - k_j), \qquad
   v(q) = \frac{2 r_s}{L^d} \times (2 \pi / q \text{ in 2D}, \; 4 \pi / q^2 \text{ in 3D}), $$

and the average over K needs the pair occupations of the canonical ideal gas. Giuliani &
Vignale, Quantum Theory of the Electron Liquid (2005), section 2.4.
"""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vfe_lightning.declarations.twist import Twists
from vfe_lightning.exact.ideal_gas import ideal_gas, pair_occupations
from vfe_lightning.exact.twist_average import OF_A_BASIS, averaged
from vfe_lightning.hamiltonians.ewald import Ewald
from vfe_lightning.hamiltonians.periodic_box import along_axes, box_length, fermi_energy, plane_waves


@dataclass(frozen=True)
class HartreeFock:
    """Totals in Ry / r_s^2, the entropy in k_B."""

    free_energy: float
    kinetic: float
    potential: float
    entropy: float
    free_energy_error: float = 0.0  # of the quadrature over twists


def hartree_fock(
    n_up: int, dim: int, rs: float, theta: float, twist: float | Twists, cutoff: int, n_down: int = 0
) -> HartreeFock:
    """First-order free energy F_0 + <V>_0; theta = 0 fills the lowest orbitals.

    Of several twists it is the mean.
    """

    def totals(at: tuple[float, ...]) -> tuple[float, ...]:
        found = _at_twist(n_up, dim, rs, theta, at, cutoff, n_down)
        return found.free_energy, found.kinetic, found.potential, found.entropy

    twists = along_axes(twist, dim) if isinstance(twist, int | float) else twist
    mean, error = averaged(totals, twists, dim, OF_A_BASIS, cold=theta == 0)
    return HartreeFock(*mean.tolist(), free_energy_error=float(error[0]))


@functools.cache
def _at_twist(
    n_up: int, dim: int, rs: float, theta: float, twist: tuple[float, ...], cutoff: int, n_down: int
) -> HartreeFock:
    n = n_up + n_down
    length = box_length(n, dim)
    orbitals = plane_waves(dim, cutoff, twist)
    energies = (2 * math.pi / length) ** 2 * orbitals.square().sum(dim=1)
    exchange = exchange_matrix(orbitals, rs, length)
    constant = n * rs / length * Ewald(dim).madelung
    spins = [m for m in (n_up, n_down) if m]
    if theta == 0:
        kinetic = sum(energies[:m].sum().item() for m in spins)
        potential = constant - sum(exchange[:m, :m].sum().item() for m in spins) / 2
        return HartreeFock(kinetic + potential, kinetic, potential, 0.0)
    beta = 1 / (theta * fermi_energy(dim, max(spins) / n))
    gases = [ideal_gas(energies, m, beta) for m in spins]
    pairs = sum(pair_occupations(-beta * energies, m) for m in spins)
    potential = constant - (pairs * exchange).sum().item() / 2
    return HartreeFock(
        sum(gas.free_energy for gas in gases) + potential,
        sum(gas.energy for gas in gases),
        potential,
        sum(gas.entropy for gas in gases),
    )


def exchange_matrix(orbitals: Tensor, rs: float, length: float) -> Tensor:
    """v(k - k') between orbitals in units of 2 pi / L, zero on the diagonal: (orbitals, orbitals)."""
    dim = orbitals.shape[1]
    m = torch.cdist(orbitals, orbitals, compute_mode="donot_use_mm_for_euclid_dist")
    off = ~torch.eye(len(m), dtype=torch.bool)
    v = 2 * rs / length * (1 / m if dim == 2 else 1 / (math.pi * m.square()))
    return torch.where(off, v, 0.0)
