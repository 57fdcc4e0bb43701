r"""Flows of planar spins on an L x L torus that commute with a rotation of all of them.

$$ \theta_a \to \phi_a + S_a(\theta_a - \phi_a), \quad r_a e^{i \phi_a} = \sum_b w_b e^{i \theta_b} $$

with circular splines S_a, Rezende et al., ICML (2020), that depend on the other angles b as they are seen
from phi_a. What is learned is the density that S_a makes of a uniform one, as a correction of von Mises'
density exp(r cos), which a spin has that is bound to the others by w, at first the bonds of harmonic theory.
S_a is the identity where r_a = 0 and phi_a has no meaning, and squeezes the circle last, so that its bins are
as narrow as that density. Sites are drawn from coarse to fine, as in a renormalisation group backwards: the
centres of squares from their corners, then the middles of edges from both.
"""

import math

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.affine_coupling import dense
from vfe_lightning.bijectors.bijector import Bijector, Composed
from vfe_lightning.bijectors.circular_spline import NormalToCircle, wrapped
from vfe_lightning.bijectors.rational_quadratic import inverse_spline, spline
from vfe_lightning.hamiltonians import lattices

LEAST = 1e-7  # share of a bin, so that the map has an inverse in double precision


class RotatingCoupling(Bijector):
    """Some sites, moved around the mean direction of others; one network for all; samples are (batch, L^2).

    Args:
        moved, seen: sites by their raster number, (sites,); what a site sees are those that lie at the same
            displacements from all moved sites.
        width: hidden units of each of the two hidden layers.
        bins: of each spline.
        strength: of the bonds, beta J, whose harmonic theory gives w before training.
        reach: how far it sees, in distances of the nearest site.
    """

    moved: Tensor
    taps: Tensor  # (moved, taps)
    halves: Tensor  # ends and middles of the bins

    def __init__(
        self, L: int, moved: Tensor, seen: Tensor, width: int, bins: int, strength: float, reach: float = 3.0
    ) -> None:
        super().__init__()
        taps, distance = neighbours(L, moved, seen, reach)
        self.bins = bins
        self.register_buffer("moved", moved, persistent=False)
        self.register_buffer("taps", taps, persistent=False)
        self.weight = nn.Parameter(strength * harmonic_bonds(L, moved[0], seen)[taps[0]])
        self.network = dense(2 * len(distance) + 1, width, 2 * bins)
        halves = math.pi * torch.arange(2 * bins, dtype=torch.float64) / bins - math.pi
        self.register_buffer("halves", halves, persistent=False)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self._moved(z, inverse=False)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._moved(x, inverse=True)

    def _moved(self, angles: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        direction, squeeze, knots = self._splines(angles)
        turned = wrapped(angles[:, self.moved] - direction)
        if inverse:
            turned, first = squeezed(turned, 1 / squeeze)
            turned, second = inverse_spline(turned, knots)
            second = -second
        else:
            turned, first = spline(turned, knots)
            turned, second = squeezed(turned, squeeze)
        log_det = (first + second).sum(dim=1)
        return angles.index_copy(1, self.moved, wrapped(turned + direction)), log_det

    def _splines(self, angles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Directions and how much the circle is squeezed to them, (batch, moved), and knots before that.

        Knots are (3, bins + 1, batch, moved).
        """
        seen = angles[:, self.taps]
        cos, sin = seen.cos(), seen.sin()
        x, y = cos @ self.weight, sin @ self.weight
        length = torch.hypot(x, y)[..., None]
        gate = torch.tanh(length[..., 0])  # a correction is none where there is no direction
        c, s = x[..., None] / length, y[..., None] / length
        around = torch.cat([c * cos + s * sin, c * sin - s * cos, length], dim=2)
        ends, bins = self.network(around).unflatten(2, (2, self.bins)).permute(2, 3, 0, 1)
        squeeze = (1 + length).rsqrt()  # the width of von Mises' density, so that bins are no wider
        squeezed_angles, log_slope = squeezed(self.halves, squeeze)
        log_p = length * squeezed_angles.cos() + log_slope
        first, middle = log_p.unflatten(2, (self.bins, 2)).permute(3, 2, 0, 1)
        last = torch.roll(first, -1, dims=0)
        simpson = torch.stack([first, middle + math.log(4), last]).logsumexp(dim=0) - math.log(6)
        knots = density_knots(first + gate * ends, simpson + gate * bins)
        return torch.atan2(y, x), squeeze[..., 0], knots


def squeezed(angle: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """2 arctan(share tan(angle / 2)) and ln of its slope, elementwise; 1 / share is the inverse."""
    c, s = (angle / 2).cos(), share * (angle / 2).sin()
    return 2 * torch.atan2(s, c), share.log() - (c * c + s * s).log()


def density_knots(at_knots: Tensor, of_bins: Tensor) -> Tensor:
    """Knots of the map of uniform angles to those of a density that is given on equal bins of the circle.

    Args:
        at_knots, of_bins: ln p at the lower end of each bin, and of its mean in it, up to one constant:
            (bins, ...).

    Returns:
        (3, bins + 1, ...), see `rational_quadratic`.
    """
    bins = len(of_bins)
    total = of_bins.logsumexp(dim=0)
    share = (of_bins - total).exp() * (1 - bins * LEAST) + LEAST
    slope = 1 / (bins * ((at_knots - total).exp() * (1 - bins * LEAST) + LEAST))
    x = share[:-1].cumsum(dim=0) * 2 * math.pi - math.pi
    end = torch.full_like(x[:1], math.pi)
    y = torch.linspace(-math.pi, math.pi, bins + 1, dtype=x.dtype, device=x.device)
    y = y.view(-1, *[1] * (x.ndim - 1)).expand(-1, *x.shape[1:])
    return torch.stack([torch.cat([-end, x, end]), y, torch.cat([slope, slope[:1]])])


def neighbours(L: int, moved: Tensor, seen: Tensor, reach: float) -> tuple[Tensor, Tensor]:
    """Sites at displacements that lead from every moved site to a seen one: (moved, taps), and distances.

    Args:
        reach: of the longest displacement over the shortest one.
    """
    is_seen = torch.zeros(L * L, dtype=torch.bool)
    is_seen[seen] = True
    span = torch.arange(-((L - 1) // 2), L // 2 + 1)  # no site twice
    steps = torch.cartesian_prod(span, span)
    row, column = moved[:, None] // L + steps[:, 0], moved[:, None] % L + steps[:, 1]
    sites = row % L * L + column % L
    common = is_seen[sites].all(dim=0)
    distance = steps[common].double().norm(dim=1)
    near = distance <= reach * distance.min() + 1e-9
    return sites[:, common][:, near], distance[near]


def harmonic_bonds(L: int, site: Tensor, seen: Tensor) -> Tensor:
    """Bonds of unit strength between a site and those it sees, all others integrated out: (L^2,).

    What remains of the Laplacian is its Schur complement; for cold spins that is exact.
    """
    A = lattices.couplings(lattices.bonds(L, lattices.SQUARE), 1.0, L * L)
    laplacian = A.sum(dim=1).diag() - A
    kept = torch.zeros(L * L, dtype=torch.bool)
    kept[site], kept[seen] = True, True
    to_others = laplacian[site, ~kept]
    through = torch.linalg.solve(laplacian[~kept][:, ~kept], laplacian[~kept])
    return to_others @ through - laplacian[site]


def coarse_to_fine(L: int) -> list[tuple[Tensor, Tensor]]:
    """Sites that are drawn together, and those that are there already, in turn: all but the first site.

    The sites of the coarsest lattice, of an odd number of rows, come one by one. What is drawn together later
    is two spacings apart, so that little is left out of the correlations, or is one half of the checkerboard,
    which has no bonds and comes last.
    """
    spacing = L & -L
    line = torch.arange(0, L, spacing)
    there = (line[:, None] * L + line).flatten()
    steps = [(there[k : k + 1], there[:k]) for k in range(1, len(there))]
    while spacing > 1:
        half = spacing // 2
        row, column = there // L, there % L
        if (L // spacing) % 2:
            parts = list(torch.arange(len(there))[:, None])
        else:
            parts = [
                ((row - a) % (2 * spacing) + (column - b) % (2 * spacing) == 0).nonzero()[:, 0]
                for a, b in ((0, 0), (spacing, spacing), (0, spacing), (spacing, 0))
            ]
        shifts = ((half, half), (0, half), (half, 0)) if half > 1 else ((half, half),)
        for down, right in shifts:
            middles = (row + down) % L * L + (column + right) % L
            for part in parts:
                steps.append((middles[part], there))
                there = torch.cat([there, middles[part]])
        spacing = half
    rest = torch.ones(L * L, dtype=torch.bool)
    rest[there] = False
    return [*steps, (rest.nonzero()[:, 0], there)] if rest.any() else steps


def rotating_flow(L: int, width: int, bins: int, strength: float) -> Composed:
    """Planar spins of normal variables, (batch, L^2) both; p(x) does not change when all angles turn.

    Args:
        width, bins, strength: see `RotatingCoupling`.
    """
    layers = [RotatingCoupling(L, new, there, width, bins, strength) for new, there in coarse_to_fine(L)]
    return Composed([NormalToCircle(torch.ones(L * L, dtype=torch.bool)), *layers])
