r"""A square of 3 x 3 Ising spins in its Gibbs state given the spins around it, exactly.

The four corner spins have no bonds with each other: for each of the 2^5 states of the middle cross they are
summed in closed form, $Z = \sum_a e^{-\beta E(a)} \prod_d 2 \cosh \beta h_d(a)$, and then drawn given it.
"""

import torch
from torch import Tensor, nn

from vfe_lightning.exact.enumeration import configurations
from vfe_lightning.generative.regions import SMALLEST, Offset, squares
from vfe_lightning.hamiltonians import lattices

CORNERS: list[Offset] = [(1, 1), (1, 3), (3, 1), (3, 3)]
CROSS = 5


class IsingBlock(nn.Module):
    """The nine spins of `sites` given those of `rim`, in the order of these offsets.

    Args:
        J: coupling of neighbours.
        steps: (rows, columns) from a site to the neighbours that come after it.
    """

    states: Tensor  # of the cross: (32, 5)
    within: Tensor  # couplings of the nine spins: (9, 9)
    of_rim: Tensor  # their couplings to the rim: (9, rim)

    def __init__(self, J: float, steps: tuple[Offset, ...]) -> None:
        super().__init__()
        square, width = squares(SMALLEST, SMALLEST, steps), SMALLEST + 1
        self.rim, self.sites = square.rim, square.cross + CORNERS
        bonds = lattices.couplings(lattices.bonds(width, steps, periodic=False), J, width**2)
        inner, outer = ([r * width + c for r, c in offsets] for offsets in (self.sites, self.rim))
        (states,) = configurations(CROSS)
        self.register_buffer("states", states, persistent=False)
        self.register_buffer("within", bonds[inner][:, inner], persistent=False)
        self.register_buffer("of_rim", bonds[inner][:, outer], persistent=False)
        # The field on a corner depends on the cross and on the few spins of the rim next to the corner, so
        # that what the sum over a corner gives is one row of a small table.
        for corner in range(CROSS, len(self.sites)):
            near = self.of_rim[corner].nonzero()[:, 0]
            (seen,) = configurations(len(near))
            of_rim, of_cross = seen @ self.of_rim[corner, near], states @ self.within[corner, :CROSS]
            self.register_buffer(f"near_{corner}", near, persistent=False)
            self.register_buffer(f"fields_{corner}", of_rim[:, None] + of_cross, persistent=False)

    @torch.no_grad()
    def log_prob(self, rim: Tensor, spins: Tensor, beta: float) -> Tensor:
        """ln p of each column: (rim, batch), (9, batch) -> (batch,)."""
        fields = self.of_rim @ rim + 0.5 * self.within @ spins
        return beta * (spins * fields).sum(dim=0) - self._log_weights(rim, beta).logsumexp(dim=1)

    @torch.no_grad()
    def sample(self, rim: Tensor, beta: float, generator: torch.Generator | None = None) -> Tensor:
        """One draw for each column: (rim, batch) -> (9, batch)."""
        chance = rim.new_empty(1 + len(CORNERS), rim.shape[1]).uniform_(generator=generator)
        below = self._log_weights(rim, beta).softmax(dim=1).cumsum(dim=1)
        state = (below < chance[0, :, None]).sum(dim=1).clamp(max=len(self.states) - 1)
        cross = self.states[state].mT
        fields = self.of_rim[CROSS:] @ rim + self.within[CROSS:, :CROSS] @ cross
        corners = 2.0 * (chance[1:] < torch.sigmoid(2 * beta * fields)) - 1
        return torch.cat([cross, corners])

    def _log_weights(self, rim: Tensor, beta: float) -> Tensor:
        """-beta E of every state of the cross, with the corners summed: (rim, batch) -> (batch, 32)."""
        inside = 0.5 * ((self.states @ self.within[:CROSS, :CROSS]) * self.states).sum(dim=1)
        logs = beta * torch.addmm(inside, rim.mT, self.of_rim[:CROSS].mT @ self.states.mT)
        for corner in range(CROSS, len(self.sites)):
            near, fields = self.get_buffer(f"near_{corner}"), beta * self.get_buffer(f"fields_{corner}")
            row = ((rim[near] > 0).long().mT * 2 ** torch.arange(len(near), device=rim.device)).sum(dim=1)
            logs += torch.logaddexp(fields, -fields)[row]
        return logs
