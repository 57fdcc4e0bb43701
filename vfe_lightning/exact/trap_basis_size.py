"""How many orbitals a temperature needs in a harmonic trap: `basis_size.py` says when they are enough."""

import math
from typing import cast

import numpy as np
import torch
from torch import Tensor

from vfe_lightning.exact import trap_diagonalization
from vfe_lightning.exact.basis_size import ENOUGH, BasisLoss, Sums, log_z_of_first, sums_of
from vfe_lightning.exact.oscillator_gas import oscillator_gas
from vfe_lightning.hamiltonians.oscillator import fock_darwin_quanta, orbital_energies

MOST_SHELLS = 30  # 465 orbitals of each spin, all of whose derivatives are tabulated


def oscillator_loss(n_up: int, n_down: int, beta: float, shells: int) -> BasisLoss:
    """Of the orbitals of so many shells; in hbar omega."""
    gas = oscillator_gas(n_up, n_down, beta, shells)
    return _trap_loss(n_up, n_down, beta, (-beta * gas.free_energy, cast(float, gas.energy)))


def mixed_oscillator_loss(n_up: int, n_down: int, beta: float, cutoff: int) -> BasisLoss:
    """Of all determinants whose energy is at most the cutoff."""
    sets = trap_diagonalization.determinants(n_up, n_down, cutoff).values()
    energies = np.concatenate([trap_diagonalization.free_energies(of_m) for of_m in sets])
    return _trap_loss(n_up, n_down, beta, sums_of(energies, beta))


def oscillator_shells(n_up: int, n_down: int, beta: float) -> int:
    """The fewest shells that are enough; failing that, the most that are affordable. beta is finite."""
    quanta = fock_darwin_quanta(max(MOST_SHELLS, _filled(max(n_up, n_down))))
    w = -beta * orbital_energies(quanta)
    lost: Tensor | float = 0.0
    for n in (n_up, n_down):
        if n:
            lost = lost - beta * oscillator_gas(n, 0, beta).free_energy - log_z_of_first(w, n)
    shells = np.arange(1, int(quanta.sum(1).max()) + 2)
    of_shells = torch.as_tensor(lost)[shells * (shells + 1) // 2]
    enough = torch.nonzero(of_shells <= beta * ENOUGH * oscillator_scale(n_up, n_down, beta))
    return int(shells[int(enough[0])]) if len(enough) else int(shells[-1])


def oscillator_scale(n_up: int, n_down: int, beta: float) -> float:
    """n max(T, E_F), with the energy of the highest filled shell for E_F."""
    return (n_up + n_down) * max(1 / beta, _filled(max(n_up, n_down)))


def _trap_loss(n_up: int, n_down: int, beta: float, found: Sums) -> BasisLoss:
    gas = oscillator_gas(n_up, n_down, beta)
    complete = -beta * gas.free_energy, cast(float, gas.energy)
    return BasisLoss.of(found, complete, beta, oscillator_scale(n_up, n_down, beta))


def _filled(n: int) -> int:
    """Shells that n electrons of one spin need."""
    return math.ceil((math.sqrt(8 * n + 1) - 1) / 2)
