r"""Equal particles around a molecule, each carried by one map of the plane that depends on the molecule.

$$ y_a = x_a + s_a \; (a \text{ in the molecule}), \qquad y_i = \phi(x_i; x_1, x_2, \ldots) $$

phi is a chain of splines of one coordinate that depend on the other. The map commutes with permutations of
the particles, which need no names, and its Jacobian is the product of theirs. It does not see where other
particles are.
"""

import math

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.affine_coupling import dense
from vfe_lightning.bijectors.bijector import Bijector
from vfe_lightning.bijectors.rational_quadratic import knots_of, with_tails
from vfe_lightning.bijectors.whitened import Whitened

WAVES = 3  # of a coordinate that a spline depends on


class OneBodySplines(Bijector):
    """Samples are (batch, n, 2), the atoms of the molecule first; new parameters move those atoms only.

    Args:
        shifts: s_a, (atoms, 2).
        molecules: samples of x_a, (samples, atoms, 2), which the splines see less their mean, whitened.
        reach: splines act between -reach and reach; coordinates beyond stay.
        layers: splines, which take turns between the two coordinates.
        width: hidden units of each of the two hidden layers of each network.
        bins: of each spline.
    """

    shifts: Tensor

    def __init__(
        self, shifts: Tensor, molecules: Tensor, reach: float, layers: int, width: int, bins: int
    ) -> None:
        super().__init__()
        self.register_buffer("shifts", shifts, persistent=False)
        self.whitened = Whitened(molecules)
        seen = shifts.numel()
        self.layers = nn.ModuleList(
            OneCoordinate(layer % 2, seen, reach, width, bins) for layer in range(layers)
        )

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        atoms, others = z.tensor_split([len(self.shifts)], dim=1)
        seen, log_det = self._seen(atoms), z.new_zeros(len(z))
        for layer in self.layers:
            others, log_slope = layer(others, seen)
            log_det = log_det + log_slope
        return torch.cat([atoms + self.shifts, others], dim=1), log_det

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        moved, others = x.tensor_split([len(self.shifts)], dim=1)
        atoms = moved - self.shifts
        seen, log_det = self._seen(atoms), x.new_zeros(len(x))
        for layer in reversed(self.layers):
            others, log_slope = layer(others, seen, inverse=True)
            log_det = log_det - log_slope
        return torch.cat([atoms, others], dim=1), log_det

    def _seen(self, atoms: Tensor) -> Tensor:
        return self.whitened.inverse(atoms)[0].flatten(1)


class OneCoordinate(nn.Module):
    """A spline of one coordinate of each particle that depends on its other one and on what all see."""

    waves: Tensor

    def __init__(self, axis: int, seen: int, reach: float, width: int, bins: int) -> None:
        super().__init__()
        self.axis, self.reach, self.bins = axis, reach, bins
        waves = torch.arange(1, WAVES + 1, dtype=torch.float64) * math.pi / reach
        self.register_buffer("waves", waves, persistent=False)
        self.network = dense(1 + 2 * WAVES + seen, width, 3 * bins - 1)

    def forward(self, p: Tensor, seen: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        """Particles (batch, n, 2) by seen (batch, features): moved, and the sum of ln dy/dx, (batch,)."""
        own, other = p[..., self.axis], p[..., 1 - self.axis]
        moved, log_slope = with_tails(own, self._knots(other, seen), self.reach, inverse)
        pair = (moved, other) if self.axis == 0 else (other, moved)
        return torch.stack(pair, dim=2), log_slope.sum(dim=1)

    def _knots(self, other: Tensor, seen: Tensor) -> Tensor:
        """(3, bins + 1, batch, n), with slopes of one at both ends."""
        phase = other[..., None] * self.waves
        everywhere = seen[:, None].expand(-1, other.shape[1], -1)
        features = torch.cat([other[..., None], phase.sin(), phase.cos(), everywhere], dim=2)
        raw = self.network(features).permute(2, 0, 1)
        shares, slopes = raw.split([2 * self.bins, self.bins - 1])
        end = torch.zeros_like(raw[:1])
        return knots_of(shares.unflatten(0, (2, -1)), torch.cat([end, slopes, end]), self.reach)
