r"""A bistable dimer in a plane, alone or among repulsive particles in a box.

$$ H = -\frac12 s - 25 s^2 + 10 s^4 + 20 [(x_1 + x_2)^2 + y_1^2 + y_2^2], \quad s = 2 (r_{12} - 3/2) $$

Noe, Olsson, Koehler & Wu, Science 365, eaaw1147 (2019), supplementary materials; the particles, the dimer's
two first, are (batch, n, 2).
"""

import math

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian

MIDDLE = 1.5  # length of the bond between the wells
CLOSED, OPEN = 0.9435, 2.0615  # in the wells
SLOPE, QUADRATIC, QUARTIC = -0.5, 25.0, 10.0
RESTRAINT = 20.0
FAR = 1e9  # square of a distance
CACHED = 32  # configurations


def bond(r: Tensor) -> Tensor:
    """Energy of the dimer's bond of length r, elementwise."""
    s = 2 * (r - MIDDLE)
    return s * (SLOPE + s * (-QUADRATIC + QUARTIC * s * s))


def bond_slope(r: Tensor) -> Tensor:
    """d bond / dr, elementwise."""
    s = 2 * (r - MIDDLE)
    return 2 * (SLOPE + s * (-2 * QUADRATIC + 4 * QUARTIC * s * s))


def distance(x: Tensor) -> Tensor:
    """Length of the dimer's bond: (batch, n, 2) -> (batch,)."""
    return (x[:, 1] - x[:, 0]).norm(dim=1)


class Dimer(ContinuousHamiltonian):
    """The dimer and `solvent` more particles that repel as epsilon (r_m / r)^12 in a soft square box.

    The box costs box_stiffness (|x| - box)^2 for each coordinate beyond it. The two atoms of the dimer do
    not repel each other.
    """

    silent: Tensor  # (n, n): next to infinite for the pairs that do not repel

    def __init__(
        self,
        solvent: int,
        epsilon: float = 1.0,
        radius: float = 1.1,
        box: float = 3.0,
        box_stiffness: float = 100.0,
    ) -> None:
        super().__init__()
        self.solvent, self.epsilon, self.radius = solvent, epsilon, radius
        self.box, self.box_stiffness = box, box_stiffness
        silent = torch.eye(solvent + 2, dtype=torch.float64)
        silent[:2, :2] = 1
        self.register_buffer("silent", FAR * silent, persistent=False)

    def dimer(self, x: Tensor) -> Tensor:
        """Energy of the dimer alone: (batch, n, 2) -> (batch,)."""
        a, b = x[:, 0], x[:, 1]
        centre = (a[:, 0] + b[:, 0]).square() + a[:, 1].square() + b[:, 1].square()
        return bond(distance(x)) + RESTRAINT * centre

    def energy(self, x: Tensor) -> Tensor:
        """(batch, n, 2) -> (batch,)."""
        if not self.solvent:
            return self.dimer(x)
        repulsion = torch.cat([self._repulsion(part) for part in parts(x)])
        beyond = (x.abs() - self.box).clamp(min=0)
        return self.dimer(x) + repulsion + self.box_stiffness * beyond.square().sum(dim=(1, 2))

    def gradient(self, x: Tensor) -> Tensor:
        slope = torch.zeros_like(x := x.detach())
        axis, r = x[:, 1] - x[:, 0], distance(x)[:, None]
        along = bond_slope(r) * axis / r
        across = 2 * RESTRAINT * torch.stack([x[:, 0, 0] + x[:, 1, 0], x[:, 0, 1]], dim=1)
        slope[:, 0] = across - along
        slope[:, 1] = torch.stack([across[:, 0], 2 * RESTRAINT * x[:, 1, 1]], dim=1) + along
        if self.solvent:
            slope = slope + torch.cat([self._pressed(part) for part in parts(x)])
            slope = slope + 2 * self.box_stiffness * x.sign() * (x.abs() - self.box).clamp(min=0)
        return slope

    def _squares(self, x: Tensor) -> Tensor:
        """r^2 of all pairs, next to infinite for those that do not repel: (batch, n, n)."""
        a, b = x.unbind(dim=2)
        return self.silent + (a[:, :, None] - a[:, None]).square() + (b[:, :, None] - b[:, None]).square()

    def _repulsion(self, x: Tensor) -> Tensor:
        ratio = self.radius**2 / self._squares(x)
        return 0.5 * self.epsilon * (ratio * ratio * ratio).square().sum(dim=(1, 2))

    def _pressed(self, x: Tensor) -> Tensor:
        """d repulsion / dx = sum_j c_ij (x_i - x_j), in place, which is much faster."""
        inverse = self._squares(x).reciprocal_()
        c = (inverse * inverse).mul_(inverse).square_().mul_(inverse)
        c.mul_(-12 * self.epsilon * self.radius**12)
        return x * c.sum(dim=2, keepdim=True) - c @ x


def parts(x: Tensor) -> tuple[Tensor, ...]:
    """Batches whose pairs fit into the cache of a core."""
    return x.split(CACHED)


def exchanged(x: Tensor) -> Tensor:
    """The two atoms of the dimer exchanged, which keeps the energy: (batch, n, 2) -> (batch, n, 2)."""
    return torch.cat([x[:, :2].flip(1), x[:, 2:]], dim=1)


def arrangements(solvent: int) -> Tensor:
    """The closed and the open dimer, with the solvent on a grid: (2, solvent + 2, 2)."""
    side = math.ceil(math.sqrt(solvent))
    line = 6 * (torch.arange(side, dtype=torch.float64) + 0.5) / max(side, 1) - 3
    grid = torch.cartesian_prod(line, line).view(-1, 2)[:solvent]
    pairs = [torch.tensor([[-r / 2, 0.0], [r / 2, 0.0]], dtype=torch.float64) for r in (CLOSED, OPEN)]
    return torch.stack([torch.cat([pair, grid]) for pair in pairs])


def sites(solvent: int) -> Tensor:
    """Where particles are about, to tell them apart: (solvent + 2, 2)."""
    return relaxed(Dimer(solvent), arrangements(solvent).mean(dim=0)[None])[0]


def relaxed(hamiltonian: ContinuousHamiltonian, x: Tensor, steps: int = 300, longest: float = 0.02) -> Tensor:
    """Downhill with moves of at most `longest`, until nothing overlaps: (batch, n, 2) -> (batch, n, 2)."""
    for step in range(steps):
        slope = hamiltonian.gradient(x)
        largest = slope.abs().amax(dim=(1, 2), keepdim=True).clamp(min=1.0)
        x = x - longest * (1 - step / steps) * slope / largest
    return x
