r"""A short last flow with the cusp of opposite spins, d ln Psi / dr = kappa where two electrons meet.

In the plane kappa is the strength Z of the Coulomb interaction, which it makes the local energy finite for:
T. Kato, Commun. Pure Appl. Math. 10, 151 (1957); R. Pack, W. Byers Brown, J. Chem. Phys. 45, 556 (1966).
With

$$ v_i = \sum_j a (1 - \tanh(r_{ij} / b)) (r_i - r_j) $$

over the electrons j of the other spin, two electrons part as r(t) = r(0) e^{2 a t} near r = 0, so that
ln |det dz/dx|^(1/2) has the slope

$$ \frac{3 a}{b} \int_0^1 e^{-2 a t} dt = \frac{3}{2 b} (1 - e^{-2 a}) = \kappa. $$

It is exact if the flow before it is smooth where electrons of opposite spins meet.
"""

import math

import torch

from vfe_lightning.bijectors.equivariant_velocity import PairGeometry, Velocity
from vfe_lightning.calculus.forward_laplacian import Field, composed, norm, value_of

REACH = 0.6  # of the cusp, in units of 1 / kappa


class Cusp(Velocity):
    """Between n_up and n_down electrons in the plane; it has no parameters.

    Attributes:
        reach: b, so short that a is small and a single step of Runge-Kutta enough.
    """

    def __init__(self, n_up: int, n_down: int, slope: float) -> None:
        super().__init__()
        self.geometry = PairGeometry(n_up, n_down)
        self.reach = min(1.0, REACH / slope)
        self.strength = -0.5 * math.log(1 - 2 * self.reach * slope / 3)

    def forward(self, x: Field, t: float) -> tuple[Field, Field]:
        g = self.geometry
        d = x @ g.difference
        r = norm(d, -2)
        eta, eta_slope = (f * g.kinds[1] for f in self._eta(r))
        return (d * eta.unsqueeze(-2)) @ g.difference.T, (eta * 2.0 + r * eta_slope).sum(-1) * 2.0

    def _eta(self, r: Field) -> tuple[Field, Field]:
        """eta and d eta / dr at r (batch, pairs)."""
        tanh = torch.tanh(value_of(r) / self.reach)
        square = 1 - tanh.square()
        a, b = self.strength, self.reach
        u = [
            a * (1 - tanh),
            -a / b * square,
            2 * a / b**2 * tanh * square,
            -a / b**3 * square * (4 - 6 * square),
        ]
        return composed(r, u), composed(r, u[1:])
