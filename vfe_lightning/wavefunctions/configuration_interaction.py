r"""Eigenstates of the electron gas among the determinants of the given orbitals, for 2 or 3 electrons.

H conserves the total momentum, so that the determinants of one total momentum mix among themselves:
Phi_a = sum_K U_aK Phi_K with U orthogonal. A flow of determinants misses that mixing: with U, what is left
to the flow is the correlation at short distance, which no finite set of plane waves has.
A. Szabo, N. Ostlund, Modern Quantum Chemistry (1989), chapter 4.
"""

import itertools
import math

import numpy as np
import torch
from torch import Tensor, nn

from vfe_lightning.exact.relative_motion import hamiltonian
from vfe_lightning.generative.levels import code
from vfe_lightning.hamiltonians.periodic_box import box_length
from vfe_lightning.wavefunctions.superpositions import Superpositions

_RAMP = 1e-7  # splits exact degeneracies, so that every machine finds the same states


class ConfigurationInteraction(nn.Module):
    """The eigenstates, each named by a determinant: in order of energy within its total momentum.

    Args:
        grid: integer wave vectors of the orbitals before the twist, (orbitals, dim).
        n: electrons, 2 or 3.
        twist: of the momenta along each axis, in 2 pi / L.
        coupling: g of `exact.relative_motion`, zero for free electrons.
    """

    codes: Tensor
    energies: Tensor  # of all states in Ry / r_s^2, without the Madelung constant
    levels: Tensor
    first_member: Tensor
    members: Tensor
    first_coefficient: Tensor
    coefficients: Tensor

    def __init__(self, grid: Tensor, n: int, twist: float, coupling: float) -> None:
        super().__init__()
        self.orbitals, self.n, self.length = len(grid), n, box_length(n, grid.shape[1])
        integers = grid.round().long().numpy()
        occupied = np.array(list(itertools.combinations(range(self.orbitals), n)))
        energies = np.empty(len(occupied))
        sets = integers[occupied]
        width = 2 * n * int(np.abs(sets).max()) + 1  # of the components of total momenta
        momentum_code = sets.sum(1) @ width ** np.arange(sets.shape[2])
        by_sector = np.argsort(momentum_code, kind="stable")
        sectors = np.split(by_sector, np.flatnonzero(np.diff(momentum_code[by_sector])) + 1)
        # H of relative_motion is in determinants whose momenta stand in lexicographic order
        lexicographic = np.argsort(sets @ width ** np.arange(sets.shape[2])[::-1], axis=1)
        sets = np.take_along_axis(sets, lexicographic[:, :, None], 1)
        level = np.empty(len(sets), dtype=np.int64)
        first_member, first_coefficient = np.empty_like(level), np.empty_like(level)
        vectors, start = [], 0
        for rows, position in zip(sectors, np.cumsum([0, *map(len, sectors[:-1])]), strict=True):
            h = hamiltonian(sets[rows], coupling)
            h += np.diag(_RAMP * np.arange(len(rows)) / len(rows))
            in_order = rows[np.argsort(np.diag(h), kind="stable")]
            level[in_order] = np.arange(len(rows))
            first_member[rows], first_coefficient[rows] = position, start
            e, u = np.linalg.eigh(h)
            energies[in_order] = e + ((sets[rows[0]].sum(0) + n * twist) ** 2).sum() / n
            vectors.append(u.T.ravel())
            start += len(vectors[-1])
        size = np.empty_like(level)
        for rows in sectors:
            size[rows] = len(rows)
        tables = {
            "codes": code(torch.from_numpy(occupied), self.orbitals),
            "energies": (2 * math.pi / self.length) ** 2 * torch.from_numpy(energies),
            "levels": torch.from_numpy(np.stack([level, size], axis=1)),
            "first_member": torch.from_numpy(first_member),
            "members": 2 * math.pi / self.length * (torch.from_numpy(sets[by_sector]).double() + twist),
            "first_coefficient": torch.from_numpy(first_coefficient),
            "coefficients": torch.from_numpy(np.concatenate(vectors)),
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, occupied: Tensor) -> Superpositions:
        """The states named by sorted orbital indices, (batch, n)."""
        name = torch.searchsorted(self.codes, code(occupied, self.orbitals))
        level, size = self.levels[name].unbind(1)
        term = torch.arange(int(size.max()), device=size.device)
        inside = term < size[:, None]
        term = torch.where(inside, term, 0)
        c = self.coefficients[(self.first_coefficient[name] + level * size)[:, None] + term]
        return Superpositions(
            self.members[self.first_member[name][:, None] + term], torch.where(inside, c, 0.0), self.length
        )
