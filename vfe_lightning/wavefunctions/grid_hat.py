r"""Exact samples of electrons in orbitals that are known on a grid: proposals are uniform in its cells.

A cell is proposed by a bound of the density sum_a |phi_a|^2 in it: the largest one at its eight corners, and
at protons close by, where orbitals have their peaks, times a margin for what lies between. That it is a bound
is checked at each proposal.
"""

import itertools

import torch
from torch import Tensor

from vfe_lightning.errors import Refused
from vfe_lightning.hamiltonians.screened_atoms import ScreenedAtoms
from vfe_lightning.wavefunctions.one_by_one import Propose, in_two_rounds, one_by_one

MARGIN = 1.35


class GridHat:
    """Of orbitals (geometries, M, n) among protons (geometries, N, 3), those of one spin or more.

    Attributes:
        largest: density of the electrons over the bound, at the proposals so far.
    """

    def __init__(self, atoms: ScreenedAtoms, protons: Tensor, occupied: Tensor) -> None:
        self.atoms, self.protons, self.occupied = atoms, protons, occupied
        points = atoms.grid.points
        density = atoms.orbitals_on_grid(protons, occupied).square().sum(1).unflatten(1, (points,) * 3)
        for axis in (1, 2, 3):
            density = torch.maximum(density, density.roll(-1, axis))
        peaks = (atoms.gaussians.at(protons, protons)[0] @ occupied).square().sum(-1)  # (geometries, N)
        cells, around = self._cells_around(protons), peaks[..., None].expand(-1, -1, 8)
        bound = density.flatten(1).scatter_reduce(1, cells, around.flatten(1), "amax")
        self.bound = MARGIN * bound  # (geometries, cells)
        mass = self.bound.cumsum(1)
        rows = torch.arange(len(mass), device=mass.device)[:, None]
        self.cumulative = (mass / mass[:, -1:] + rows).flatten()  # that of geometry g from g to g + 1
        self.largest = mass.new_zeros(())

    def sample(
        self, geometry: Tensor, generator: torch.Generator | None = None, within: Tensor | None = None
    ) -> Tensor:
        """Exact, independent positions (batch, n, 3) in the cube, of electrons in geometries (batch,).

        Args:
            within: orthonormal combinations of the orbitals, (batch, orbitals, n), that a walker's electrons
                are in; all orbitals if not given.

        Raises:
            Refused: somewhere the density was above its bound, so that none of the samples are exact.
        """
        z = one_by_one(
            self._unplaced(geometry, within), self._proposals(geometry, generator, within), generator
        )
        require_bound(self.largest)
        return z

    def in_two_rounds(
        self, geometry: Tensor, generator: torch.Generator | None, within: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The same in tensors of fixed shape, unchecked, and which walkers have found no place, (batch,)."""
        return in_two_rounds(
            self._unplaced(geometry, within), self._proposals(geometry, generator, within), generator
        )

    def _unplaced(self, geometry: Tensor, within: Tensor | None) -> Tensor:
        count = (self.occupied if within is None else within).shape[2]
        return self.protons.new_empty(len(geometry), count, 3)

    def _proposals(
        self, geometry: Tensor, generator: torch.Generator | None, within: Tensor | None
    ) -> Propose:
        orbitals = self.occupied.shape[2]
        rarer = 1 if within is None else -(-orbitals // within.shape[2])  # than where all are occupied

        def propose(walkers: Tensor, proposals: int) -> tuple[Tensor, Tensor, Tensor]:
            rows = geometry[walkers]
            z, bound = self._propose(rows, rarer * proposals, generator)
            v = self.atoms.gaussians.at(z, self.protons[rows])[0] @ self.occupied[rows]
            if within is not None:
                v = v @ within[walkers]
            self.largest = torch.maximum(self.largest, (v.square().sum(-1) / bound).amax())
            return z, torch.complex(v, torch.zeros_like(v)), bound

        return propose

    @property
    def acceptance(self) -> Tensor:
        """Of the first electron, (geometries,)."""
        return self.occupied.shape[2] / (self.bound.sum(1) * self.atoms.grid.cell)

    def _propose(
        self, rows: Tensor, proposals: int, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Points (batch, proposals, 3), and the bound at each."""
        coin, place = self._uniform((len(rows), proposals), generator), rows[:, None]
        count = self.bound.shape[1]
        cell = (torch.searchsorted(self.cumulative, place + coin) - count * place).clamp(0, count - 1)
        points = self.atoms.grid.points
        corner = torch.stack([cell // points**2, cell // points % points, cell % points], dim=-1)
        inside = self._uniform((*cell.shape, 3), generator)
        return (corner + inside) * (self.atoms.grid.length / points), self.bound[place, cell]

    def _cells_around(self, protons: Tensor) -> Tensor:
        """The eight cells that are closest to each proton, (geometries, 8 N)."""
        points = self.atoms.grid.points
        first = (protons * (points / self.atoms.grid.length) - 0.5).floor()
        found = []
        for step in itertools.product((0, 1), repeat=3):
            x, y, z = (((first[..., a] + step[a]) % points).long() for a in range(3))
            found.append((x * points + y) * points + z)
        return torch.stack(found, dim=-1).flatten(1)

    def _uniform(self, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=self.bound.dtype, device=self.bound.device)


def in_fixed_shape(
    atoms: ScreenedAtoms,
    protons: Tensor,
    occupied: Tensor,
    geometry: Tensor,
    generator: torch.Generator | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Samples (batch, n, 3) for a GPU, which of them have missed, and the largest density over bound."""
    hat = GridHat(atoms, protons, occupied)
    z, missed = hat.in_two_rounds(geometry, generator)
    return z, missed, hat.largest


def require_bound(largest: Tensor) -> None:
    """Raises Refused where a density was above its bound."""
    if largest > 1:
        raise Refused(
            f"electrons have {float(largest):.3f} times the density that their samples are proposed with, "
            "which may be 1 at most: lower --orbitals.spacing"
        )
