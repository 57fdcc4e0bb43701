r"""The dimer at a share of the way from closed to open, with one well of the bond, which moves.

$$ u_\lambda(r) = (1 - \lambda) \, u(r - \lambda D) + \lambda \, u(r + (1 - \lambda) D) + w(r - r_\lambda) $$

takes the place of the bond's u(r); D leads from its closed to its open minimum, and both terms have one at
r_lambda. A wall w beyond D / 2 from there keeps chains from the other well, which is another state. The ends
are the closed and the open dimer where r is within D / 2 of their minima: at beta = 1 all of them but 2e-4.
"""

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.dimer import CLOSED, OPEN, Dimer, bond, bond_slope, distance
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian

OPENING = OPEN - CLOSED
WALL = 1e4  # of the square of what r is beyond


class StretchedDimer(ContinuousHamiltonian):
    """The dimer among `solvent` particles with u_share in place of its bond: (batch, n, 2)."""

    def __init__(self, solvent: int, share: float) -> None:
        super().__init__()
        self.dimer, self.share = Dimer(solvent), share

    def energy(self, x: Tensor) -> Tensor:
        near, far, beyond = self._lengths(r := distance(x))
        moved = (1 - self.share) * bond(near) + self.share * bond(far) + WALL * beyond.square()
        return self.dimer.energy(x) + moved - bond(r)

    def gradient(self, x: Tensor) -> Tensor:
        near, far, beyond = self._lengths(r := distance(x := x.detach()))
        moved = (1 - self.share) * bond_slope(near) + self.share * bond_slope(far) + 2 * WALL * beyond
        along = ((moved - bond_slope(r)) / r)[:, None] * (x[:, 1] - x[:, 0])
        slope = self.dimer.gradient(x)
        slope[:, 0] -= along
        slope[:, 1] += along
        return slope

    def _lengths(self, r: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What stands in for r in the two terms, and how far r is beyond the wall: (batch,) each."""
        near, far = r - self.share * OPENING, r + (1 - self.share) * OPENING
        away = near - CLOSED
        return near, far, torch.where(away.abs() > OPENING / 2, away - away.sign() * OPENING / 2, 0.0)
