r"""First order in the interaction for electrons in a trap: the free ensemble with the mean of V added.

It is what the ansatz gives before any training, in closed form: F <= F_0 + <V>_0 (Gibbs-Bogoliubov) with

$$ \langle V \rangle_0 = Z \sum_{a<b} \langle n_a n_b \rangle
   (\langle ab|v|ab \rangle - \langle ab|v|ba \rangle) $$

for equal spins, and without exchange for opposite ones. Energies in hbar omega.
"""

import functools
import math

import torch
from torch import Tensor

from vfe_lightning.exact.hartree_fock import pair_occupations
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.exact.oscillator_gas import oscillator_gas
from vfe_lightning.exact.trap_coulomb import pair_blocks
from vfe_lightning.hamiltonians.oscillator import fock_darwin_quanta, orbital_energies


def determinant_energy(up: list[int], down: list[int], z: float, shells: int) -> float:
    """<H> of one determinant of the orbitals named, numbered as in `fock_darwin_quanta`."""
    direct, exchange = direct_and_exchange(shells)
    levels = orbital_energies(fock_darwin_quanta(shells))
    free = float(levels[up].sum() + levels[down].sum())
    equal = sum(float((direct - exchange)[s][:, s].sum()) / 2 for s in (up, down))
    return free + z * (equal + float(direct[up][:, down].sum()))


@functools.cache
def thermal_free_energy(n_up: int, n_down: int, z: float, beta: float, shells: int) -> float:
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
    return oscillator_gas(n_up, n_down, beta, shells).free_energy + z * (equal + opposite)


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
