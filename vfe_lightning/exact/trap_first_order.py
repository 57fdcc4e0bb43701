r"""First order in the interaction for electrons in a trap: the free ensemble with the mean of V added.

F <= F_0 + <V>_0 (Gibbs-Bogoliubov), in closed form, with

$$ \langle V \rangle_0 = Z \sum_{a<b} \langle n_a n_b \rangle
   (\langle ab|v|ab \rangle - \langle ab|v|ba \rangle) $$

for equal spins, and without exchange for opposite ones. Stretched about the centre of mass by the best
factor, see `exact/trap_scaling.py`, it is what the ansatz gives before any training. Energies in hbar omega.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vfe_lightning.exact.hartree_fock import pair_occupations
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.exact.oscillator_gas import oscillator_gas
from vfe_lightning.exact.trap_coulomb import pair_blocks
from vfe_lightning.exact.trap_scaling import ScaledHamiltonian, best_scale
from vfe_lightning.hamiltonians.oscillator import fock_darwin_quanta, orbital_energies


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
    direct, exchange = direct_and_exchange(shells)
    levels = orbital_energies(fock_darwin_quanta(shells))
    mean = [ideal_gas(levels, n, beta).occupations if n else torch.zeros_like(levels) for n in (n_up, n_down)]
    equal = sum(
        float((pair_occupations(-beta * levels, n) * (direct - exchange)).sum()) / 2
        for n in (n_up, n_down)
        if n > 1
    )
    opposite = float(mean[0] @ direct @ mean[1])
    gas = oscillator_gas(n_up, n_down, beta, shells)
    assert gas.energy is not None
    centre_of_mass = 1 / math.tanh(beta / 2)
    return FirstOrder.of(gas.free_energy, z * (equal + opposite), gas.energy - centre_of_mass)


@functools.cache
def direct_and_exchange(shells: int) -> tuple[Tensor, Tensor]:
    """<ab|v|ab> and <ab|v|ba> of v = 1 / r_12, (orbitals, orbitals) each; equal on the diagonal."""
    quanta = fock_darwin_quanta(shells)
    index = {tuple(q): k for k, q in enumerate(quanta.tolist())}
    direct = torch.full((len(quanta), len(quanta)), math.nan, dtype=torch.float64)
    exchange = direct.clone()
    for pairs, v in pair_blocks(2 * (shells - 1)).values():
        place = {tuple(pair): row for row, pair in enumerate(pairs.tolist())}
        for pair, row in place.items():
            a, b = index.get(pair[:2]), index.get(pair[2:])
            if a is not None and b is not None:
                direct[a, b] = float(v[row, row])
                exchange[a, b] = float(v[row, place[pair[2:] + pair[:2]]])
    return direct, exchange
