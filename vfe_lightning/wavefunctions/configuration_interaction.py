r"""Eigenstates of 2 or 3 electrons among the determinants of low kinetic energy, as what a flow transforms.

H conserves the total momentum Q, so that determinants of one Q mix: Phi_a = sum_K U_aK Phi_K with U
orthogonal. One flow for all determinants of a Q misses that. With U, what is left to the flow is the
correlation at short distance, which no finite set of plane waves has. A. Szabo, N. Ostlund, Modern Quantum
Chemistry (1989), chapter 4; of both spins products of determinants mix. The relative motion depends on
Q mod n alone, see `exact/relative_motion.py`.
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vfe_lightning.exact.relative_motion import coupling, determinants, hamiltonian, representative
from vfe_lightning.hamiltonians.periodic_box import box_length
from vfe_lightning.wavefunctions.superpositions import Superpositions

_RAMP = 1e-7  # splits exact degeneracies, so that every machine finds the same states
_COLDEST = 30.0  # levels are listed up to so many T above the lowest
_MOST_CANDIDATES = 2_000_000  # pairs of a centre of mass and a level of the relative motion


class RelativeLevels(NamedTuple):
    """Relative motion of one class, Q mod n."""

    sets: NDArray[np.int64]  # (terms, n, dim)
    energies: NDArray[np.float64]  # (terms,), ascending, in (2 pi / L)^2
    vectors: NDArray[np.float64]  # (terms, terms), one eigenvector a column


class ConfigurationInteraction(nn.Module):
    """All eigenstates of thermal weight; a state is named by its place in the list.

    Args:
        n: electrons, 2 or 3.
        dim: of space.
        rs: Wigner-Seitz radius in Bohr radii; at 0 the states are the determinants themselves.
        twist: of the momenta, in 2 pi / L: the same along each axis, or one for each.
        cutoff: determinants mix whose relative kinetic energy is at most this, in (2 pi / L)^2.
        temperature: in Ry / r_s^2.
        n_down: electrons of spin down, 0 or 1; they stand last.

    Attributes:
        energies: of all states in Ry / r_s^2, without the Madelung constant: (states,).
        relative: the part of the relative motion, (states,).
        kinds: which of the classes of equal spectrum each state belongs to, (states,).
    """

    energies: Tensor
    relative: Tensor
    kinds: Tensor
    table: Tensor
    shifts: Tensor
    members: Tensor
    coefficients: Tensor

    def __init__(
        self,
        n: int,
        dim: int,
        rs: float,
        twist: float | Sequence[float],
        cutoff: float,
        temperature: float,
        n_down: int = 0,
    ) -> None:
        super().__init__()
        offset = np.asarray(twist)
        self.n_down = n_down
        self.length = box_length(n, dim)
        unit = (2 * math.pi / self.length) ** 2
        momenta = [np.array(q) for q in itertools.product(range(n), repeat=dim)]
        classes = [_relative_levels(q, n, coupling(n, dim, rs), cutoff, n_down) for q in momenta]
        kinds = [representative(tuple(q.tolist()), n) for q in momenta]
        window = _COLDEST * temperature / unit
        size = np.array([len(c.energies) for c in classes])
        near = _shifts(2, dim)
        lowest = min(
            _centres(q, near, n, offset).min() + c.energies[0] for q, c in zip(momenta, classes, strict=True)
        )
        highest = lowest + window
        widest = highest - min(c.energies[0] for c in classes)  # kinetic energy of the centre of mass
        reach = math.ceil(math.sqrt(widest / n)) + 2
        if (2 * reach + 1) ** dim * size.max() > _MOST_CANDIDATES:
            raise ValueError(
                f"base_states configuration_interaction: too many levels at T = {temperature:g} Ry / r_s^2: "
                "lower --theta or take --base_states.kind determinants"
            )
        moved = _shifts(reach, dim)
        first_member, first_vector = np.cumsum(size) - size, np.cumsum(size**2) - size**2
        centres = [_centres(q, moved, n, offset) for q in momenta]
        found = [
            np.nonzero(centre[:, None] + c.energies <= highest)
            for centre, c in zip(centres, classes, strict=True)
        ]
        of_class = np.repeat(np.arange(len(classes)), [len(shift) for shift, _ in found])
        shift, level = np.concatenate(found, axis=1)  # of all electrons; within the class
        relative = np.concatenate([c.energies for c in classes])[first_member[of_class] + level]
        centre = np.array(centres)[of_class, shift]
        names = sorted(set(kinds))
        tables = {
            "energies": unit * (relative + centre),
            "relative": unit * relative,
            "kinds": np.array([names.index(k) for k in kinds])[of_class],
            "table": np.column_stack(
                [first_member[of_class], first_vector[of_class] + level * size[of_class], size[of_class]]
            ),
            "shifts": 2 * math.pi / self.length * (moved[shift] + offset),
            "members": 2 * math.pi / self.length * np.concatenate([c.sets for c in classes]),
            "coefficients": np.concatenate([c.vectors.T.ravel() for c in classes]),
        }
        for name, table in tables.items():
            self.register_buffer(name, torch.from_numpy(table), persistent=False)

    def forward(self, state: Tensor) -> Superpositions:
        """The states with these places in the list, (batch, 1)."""
        state = state[:, 0]
        member, vector, size = self.table[state].unbind(1)
        term = torch.arange(int(size.max()), device=size.device)
        inside = term < size[:, None]
        term = torch.where(inside, term, 0)
        k = self.members[member[:, None] + term] + self.shifts[state][:, None, None]
        c = torch.where(inside, self.coefficients[vector[:, None] + term], 0.0)
        return Superpositions(k, c, self.length, self.n_down)


def _shifts(reach: int, dim: int) -> NDArray[np.int64]:
    """Of all electrons together, in 2 pi / L: (shifts, dim)."""
    return np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * dim, indexing="ij"), -1).reshape(-1, dim)


def _centres(q: NDArray, moved: NDArray, n: int, twist: NDArray) -> NDArray[np.float64]:
    """Kinetic energy of the centre of mass at each shift, in (2 pi / L)^2."""
    return ((q + n * (moved + twist)) ** 2).sum(1) / n


def _relative_levels(total: NDArray, n: int, g: float, cutoff: float, n_down: int) -> RelativeLevels:
    sets = determinants(n, tuple(total.tolist()), cutoff, n_down)
    h = hamiltonian(sets, g, n_down) + np.diag(_RAMP * np.arange(len(sets)) / len(sets))
    return RelativeLevels(sets, *np.linalg.eigh(h))
