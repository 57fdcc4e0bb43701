r"""First order in the interaction for electrons in a trap: the free ensemble with the mean of V added.

F <= F_0 + <V>_0 (Gibbs-Bogoliubov), in closed form, with

$$ \langle V \rangle_0 = Z \sum_{a<b} \langle n_a n_b \rangle
   (\langle ab|v|ab \rangle - \langle ab|v|ba \rangle) $$

for equal spins, and without exchange for opposite ones. Stretched about the centre of mass by the best
factor, see `exact/trap_scaling.py`, it is what the ansatz gives before any training. Energies in hbar omega.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vfe_lightning.exact.ideal_gas import ideal_gas, pair_occupations
from vfe_lightning.exact.oscillator_gas import oscillator_gas
from vfe_lightning.exact.trap_coulomb import relative_integrals, separation
from vfe_lightning.exact.trap_scaling import ScaledHamiltonian, best_scale
from vfe_lightning.hamiltonians.oscillator import fock_darwin_quanta, orbital_energies

Floats = NDArray[np.float64]


class FirstOrder(NamedTuple):
    """Upper bounds of F, and the factor by which distances from the centre of mass are stretched."""

    free_energy: float
    scale: float
    scaled_free_energy: float

    @classmethod
    def of(cls, free: float, interaction: float, relative_energy: float) -> "FirstOrder":
        """From F_0, <V>_0, and <H> without the interaction and the centre of mass."""
        s = best_scale(relative_energy, interaction)
        scaled = free + interaction / s + relative_energy * ((s**2 + s**-2) / 2 - 1)
        return cls(free + interaction, s, scaled)


def determinant_energy(up: list[int], down: list[int], z: float) -> FirstOrder:
    """<H> of one determinant of the orbitals named, numbered as in `fock_darwin_quanta`."""
    parts = ScaledHamiltonian.of(np.array([[*up, *down]]), z, len(up))
    free, coulomb, trap, kinetic = (float(part[0, 0]) for part in parts)
    return FirstOrder.of(free, coulomb, trap + kinetic)


@functools.cache
def thermal_free_energy(n_up: int, n_down: int, z: float, beta: float, shells: int) -> FirstOrder:
    """F_0 + <V>_0 of the canonical ensemble of free electrons on the orbitals of so many shells."""
    levels = orbital_energies(fock_darwin_quanta(shells))
    mean = [ideal_gas(levels, n, beta).occupations if n else torch.zeros_like(levels) for n in (n_up, n_down)]
    pairs = [pair_occupations(-beta * levels, n) for n in (n_up, n_down) if n > 1]

    def over_pairs(direct: Tensor, exchange: Tensor) -> float:
        equal = sum(float((of_spin * (direct - exchange)).sum()) / 2 for of_spin in pairs)
        return equal + float(mean[0] @ direct @ mean[1])

    # of few shells the centre of mass is no free oscillator, so that its energy is not known beforehand
    relative_energy = 2 / (n_up + n_down) * over_pairs(*direct_and_exchange(shells, _oscillator))
    free = oscillator_gas(n_up, n_down, beta, shells).free_energy
    return FirstOrder.of(free, z * over_pairs(*direct_and_exchange(shells)), relative_energy)


@functools.cache
def _coulomb(quanta: int) -> Floats:
    """<n m|1 / r_12|n m> of the relative motion up to so many quanta: (m, n)."""
    table = np.full((quanta + 1, quanta // 2 + 1), np.nan)
    for m in range(quanta + 1):
        size = (quanta - m) // 2 + 1
        table[m, :size] = relative_integrals(m, size).diagonal()
    return table


def _oscillator(quanta: int) -> Floats:
    """The energy of the same states as an oscillator."""
    return np.arange(quanta + 1)[:, None] + 2.0 * np.arange(quanta // 2 + 1) + 1


@functools.cache
def direct_and_exchange(shells: int, diagonal: Callable[[int], Floats] = _coulomb) -> tuple[Tensor, Tensor]:
    """<ab|v|ab> and <ab|v|ba>, (orbitals, orbitals) each; equal on the diagonal.

    In centre of mass and relative motion, where an exchange is a sign for each quantum of relative motion.

    Args:
        diagonal: <n m|v|n m> of the relative motion up to so many quanta, (m, n); 1 / r_12 by default.
    """
    quanta = fock_darwin_quanta(shells).numpy()
    most = 2 * (shells - 1)
    table = diagonal(most)
    plus, minus = (np.add.outer(q, q).ravel() for q in quanta.T)
    code = plus * (most + 1) + minus
    order = np.argsort(code, kind="stable")
    found = np.zeros((2, len(code)))
    for pairs in np.split(order, np.flatnonzero(np.diff(code[order])) + 1):
        total = int(plus[pairs[0]]), int(minus[pairs[0]])
        k, low = np.meshgrid(np.arange(total[0] + 1), np.arange(total[1] + 1), indexing="ij")
        radial = table[np.abs(k - low), np.minimum(k, low)]
        of_first = quanta[pairs // len(quanta)]
        shares = [separation(t)[q] ** 2 for t, q in zip(total, of_first.T, strict=True)]
        found[0, pairs] = ((shares[0] @ radial) * shares[1]).sum(1)
        found[1, pairs] = ((shares[0] @ ((-1.0) ** (k + low) * radial)) * shares[1]).sum(1)
    direct, exchange = torch.from_numpy(found).view(2, len(quanta), len(quanta))
    return direct, exchange
