r"""How many orbitals a temperature needs, by the ideal gas: exact with all of them, and with some.

A basis is large enough when the free energy that it costs an ideal gas is a small share of max(T, E_F). Free
energies with the orbitals of the first shells alone come from one table for all shells.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor

from vfe_lightning.declarations.twist import Several, Twists
from vfe_lightning.exact.cycle_expansion import box_orbit, free_fermions
from vfe_lightning.exact.diagonalization import centre_of_mass_sums
from vfe_lightning.exact.ideal_gas import ideal_gas, log_z_table
from vfe_lightning.exact.relative_motion import determinants, kinetic
from vfe_lightning.exact.twist_average import corners
from vfe_lightning.hamiltonians.periodic_box import (
    UNIT_BALL,
    along_axes,
    box_length,
    fermi_energy,
    plane_waves,
)

ENOUGH = 2e-6  # F a particle over max(T, E_F): a tenth of the error bars of long runs, S to about 1e-4
LEVELS = 1e-2  # S in all: in the cold, where T S is nothing, of a ground level that is not whole
NOTICEABLE = 1e-5  # the same, of bases that were asked for
MOST_PLANE_WAVES = 2000  # seconds for the tables of p(K), whose transformer sees them all
_THERMAL_TAIL = 45.0  # exp(-45) is below rounding
_LISTED = 3000  # orbitals; of more, the cycle expansion is faster


Sums = tuple[float, float]  # ln Z and E


class BasisLoss(NamedTuple):
    """What a basis costs the ideal gas: F above the exact one, S below; totals in internal units."""

    free_energy: float
    entropy: float
    scale: float  # n max(T, E_F)

    @classmethod
    def of(cls, found: Sums, complete: Sums, beta: float, scale: float) -> "BasisLoss":
        """From ln Z and E of the basis and of all orbitals; neither loss is negative but for rounding."""
        (log_z, energy), (all_log_z, all_energy) = found, complete
        entropy = all_log_z - log_z + beta * (all_energy - energy)
        return cls(max(0.0, all_log_z - log_z) / beta, max(0.0, entropy), scale)

    @property
    def noticeable(self) -> bool:
        return self.free_energy > NOTICEABLE * self.scale or self.entropy > LEVELS

    @property
    def enough(self) -> bool:
        return self.free_energy <= ENOUGH * self.scale and self.entropy <= LEVELS


def complete_gas(n: int, twist: Sequence[float], b: float) -> Sums:
    """ln Z and E / u of n fermions on all plane waves, at beta u = b with u = (2 pi / L)^2."""
    dim = len(twist)
    ball = UNIT_BALL[dim]
    highest = ((n / ball) ** (1 / dim) + 1) ** 2 + _THERMAL_TAIL / b
    radius = math.sqrt(highest) + math.sqrt(dim) / 2
    if ball * radius**dim > max(_LISTED, 20 * n):
        return free_fermions(n, partial(box_orbit, b, tuple(twist)))
    energies = plane_waves(dim, radius**2, tuple(twist)).square().sum(dim=1)
    gas = ideal_gas(energies, n, b)
    return -b * gas.free_energy, gas.energy


def plane_wave_cutoff(n_up: int, dim: int, theta: float, twist: float | Twists, n_down: int = 0) -> int:
    """The smallest |k|^2 of integer k up to which plane waves are enough, or the largest affordable."""
    if theta == 0 and isinstance(twist, Several):  # the Fermi sea is in a ball, and the ball in another
        reach = (max(n_up, n_down) / UNIT_BALL[dim]) ** (1 / dim) + math.sqrt(dim)
        return math.floor(reach**2)
    *others, far = corners(twist, dim)
    cutoff = _cutoff_at(n_up, dim, theta, far, n_down)
    while others and _count(dim, cutoff + 1) <= MOST_PLANE_WAVES:
        if plane_wave_loss(n_up, dim, theta, twist, cutoff, n_down).enough:
            break
        cutoff += 1
    return cutoff


def _cutoff_at(n_up: int, dim: int, theta: float, twist: tuple[float, ...], n_down: int) -> int:
    offset = torch.tensor(twist, dtype=torch.float64)
    n, spins = n_up + n_down, [m for m in (n_up, n_down) if m]
    smallest = next(c for c in range(n + 1) if _count(dim, c) >= max(spins))
    if theta == 0:  # a twist moves other orbitals into the Fermi sea than the shells of integers have
        wide = plane_waves(dim, (math.sqrt(smallest) + 2) ** 2, twist)[: max(spins)]
        return max(1, round(float((wide - offset).square().sum(1).max())))
    b = _beta(n, dim, theta, max(spins) / n)
    most = max(smallest, next(c for c in range(MOST_PLANE_WAVES) if _count(dim, c + 1) > MOST_PLANE_WAVES))
    k = plane_waves(dim, most, twist)
    shell = (k - offset).square().sum(dim=1).round()
    order = shell.argsort(stable=True)
    w = -b * k.square().sum(dim=1)[order]
    last = torch.searchsorted(shell[order], torch.arange(1, most + 1).double(), right=True)
    of_spins = [complete_gas(m, twist, b)[0] - log_z_of_first(w, m)[last] for m in spins]
    lost = torch.stack(of_spins).sum(0)
    enough = torch.nonzero(lost <= ENOUGH * n * max(1, 1 / theta))
    cutoff = int(enough[0]) + 1 if len(enough) else most
    while cutoff < most and _loss_at(n_up, dim, theta, twist, cutoff, n_down).entropy > LEVELS:
        cutoff += 1
    return cutoff


def plane_wave_loss(
    n_up: int, dim: int, theta: float, twist: float | Twists, cutoff: int, n_down: int = 0
) -> BasisLoss:
    """Of all plane waves of integer |k|^2 <= cutoff, the largest of several twists; in Ry / r_s^2."""
    found = [_loss_at(n_up, dim, theta, at, cutoff, n_down) for at in corners(twist, dim)]
    return BasisLoss(*map(max, zip(*found, strict=True)))


@functools.cache
def _loss_at(
    n_up: int, dim: int, theta: float, twist: tuple[float, ...], cutoff: int, n_down: int
) -> BasisLoss:
    energies = plane_waves(dim, cutoff, twist).square().sum(dim=1)
    n, spins = n_up + n_down, [m for m in (n_up, n_down) if m]
    if theta == 0:
        wide = plane_waves(dim, (math.sqrt(cutoff) + 2) ** 2, twist).square().sum(dim=1)
        lost = sum(float(energies[:m].sum() - wide[:m].sum()) for m in spins)
        unit = (2 * math.pi / box_length(n, dim)) ** 2
        return BasisLoss(unit * lost, 0.0, n * fermi_energy(dim, max(spins) / n))
    b = _beta(n, dim, theta, max(spins) / n)
    gases = [ideal_gas(energies, m, b) for m in spins]
    found = sum(-b * gas.free_energy for gas in gases), sum(gas.energy for gas in gases)
    return _box_loss(spins, theta, twist, found)


def mixed_plane_wave_loss(
    n: int, dim: int, theta: float, twist: float | Sequence[float], cutoff: float, n_down: int = 0
) -> BasisLoss:
    """Of all determinants of n = 2 or 3, n_down of spin down, of relative kinetic energy up to the cutoff."""
    spins, twist = [m for m in (n - n_down, n_down) if m], along_axes(twist, dim)
    b = _beta(n, dim, theta, spins[0] / n)
    sums = []
    for momentum in itertools.product(range(n), repeat=dim):
        centre_log_z, centre = centre_of_mass_sums(n, momentum, twist, b)
        log_z, energy = sums_of(kinetic(determinants(n, momentum, cutoff, n_down)), b)
        sums.append((centre_log_z + log_z, centre + energy))
    log_z, energy = np.array(sums).T
    total = float(np.asarray(logsumexp(log_z)))
    return _box_loss(spins, theta, twist, (total, float(np.exp(log_z - total) @ energy)))


def _beta(n: int, dim: int, theta: float, majority: float) -> float:
    """(2 pi / L)^2 / T."""
    return (2 * math.pi / box_length(n, dim)) ** 2 / (theta * fermi_energy(dim, majority))


def _box_loss(spins: Sequence[int], theta: float, twist: Sequence[float], found: Sums) -> BasisLoss:
    """Energies in (2 pi / L)^2 come, and in Ry / r_s^2 go."""
    n, dim, share = sum(spins), len(twist), max(spins) / sum(spins)
    b = _beta(n, dim, theta, share)
    gases = [complete_gas(m, twist, b) for m in spins]
    complete = sum(log_z for log_z, _ in gases), sum(energy for _, energy in gases)
    lost = BasisLoss.of(found, complete, b, 0.0)
    unit = (2 * math.pi / box_length(n, dim)) ** 2
    return BasisLoss(unit * lost.free_energy, lost.entropy, n * max(1.0, theta) * fermi_energy(dim, share))


def sums_of(energies: NDArray[np.float64], beta: float) -> Sums:
    """ln Z and E of levels."""
    log_z = float(np.asarray(logsumexp(-beta * energies)))
    return log_z, float(np.exp(-beta * energies - log_z) @ energies)


def _count(dim: int, cutoff: int) -> int:
    """Integer vectors with |k|^2 <= cutoff."""
    axis = np.arange(-math.isqrt(cutoff), math.isqrt(cutoff) + 1) ** 2
    squares = axis[:, None] + axis
    return int((squares <= cutoff).sum() if dim == 2 else (squares[..., None] + axis <= cutoff).sum())


def log_z_of_first(w: Tensor, n: int) -> Tensor:
    """ln Z of n particles on the first orbitals alone, however many: (orbitals,) -> (orbitals + 1,)."""
    exponents = w.numpy()[::-1]
    shift = np.sort(exponents)[-n:].mean()
    return torch.from_numpy(log_z_table(exponents - shift, n)[::-1, n] + n * shift)
