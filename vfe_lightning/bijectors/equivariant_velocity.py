r"""Velocities of n electrons that commute with permutations, translations, rotations and reflections.

$$ v_i = \sum_{j \ne i} \eta(r_{ij}, t) (r_i - r_j)
   + P \, \mu(\rho_i, t) y_i, \qquad y_i = r_i - R, \; \rho_i^2 = 1 + y_i^2 $$

with R the centre of mass, which P, the projector on zero mean, keeps at rest: so it stays an exact
oscillator. The divergence is known in closed form. Xie, Zhang, Wang, arXiv 2105.08644, section III, where
one v serves all times. Positions are (batch, dim, n) here, which makes one matrix product of all differences.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.radial_functions import RadialFunctions
from vfe_lightning.calculus.forward_laplacian import Field, norm, reciprocal, tanh_and_slope
from vfe_lightning.declarations import velocity as declarations


class Velocity(nn.Module, ABC):
    """A velocity field; its parameters may carry a leading walker axis."""

    @abstractmethod
    def forward(self, x: Field, t: float) -> tuple[Field, Field]:
        """v (batch, dim, n) and div v (batch,) at x (batch, dim, n), plain or with derivatives."""


class PairGeometry(nn.Module):
    """Who meets whom: differences and sums over the pairs of n_up + n_down electrons."""

    difference: Tensor  # (n, pairs): r_i - r_j of each pair
    member: Tensor  # (n, pairs): one where the electron belongs to the pair
    centring: Tensor  # (n, n): the projector on zero mean
    kinds: Tensor  # (kinds, pairs): equal spin, and opposite spin where there are both spins
    softening: Tensor  # (pairs,): what r^2 is raised by

    def __init__(self, n_up: int, n_down: int, smooth: float = 0.0) -> None:
        super().__init__()
        self.n, self.smooth = n_up + n_down, smooth
        n = n_up + n_down
        i, j = torch.triu_indices(n, n, offset=1)
        one = torch.eye(n, dtype=torch.float64)
        equal = (i < n_up) == (j < n_up)
        kinds = torch.stack([equal, ~equal]) if n_up and n_down else equal[None]
        tables = {
            "difference": (one[i] - one[j]).T.contiguous(),
            "member": (one[i] + one[j]).T.contiguous(),
            "centring": one - 1 / n,
            "kinds": kinds.double(),
            "softening": smooth**2 * (~equal).double(),
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def of_kind(self, functions: Field) -> Field:
        """Those for each pair's kind: (batch, features * kinds, pairs) -> (batch, features, pairs)."""
        by_kind: Any = functions.unflatten(-2, (-1, len(self.kinds)))
        return (by_kind * self.kinds).sum(-2)

    def radial(self, r: Field) -> Field:
        """d . grad r of the raised distances r, (batch, pairs): r itself where nothing was raised."""
        if not self.smooth:
            return r
        raised: Any = reciprocal(r) * self.softening
        return r - raised


class PairVelocity(Velocity):
    """Forces between pairs, and towards the centre of mass."""

    def __init__(
        self,
        declaration: declarations.PairVelocity,
        n_up: int,
        n_down: int,
        dim: int = 2,
        smooth: float = 0.0,
    ) -> None:
        super().__init__()
        self.dim = float(dim)
        self.geometry = PairGeometry(n_up, n_down, smooth)
        self.eta = RadialFunctions(len(self.geometry.kinds), declaration.width)
        self.mu = RadialFunctions(1, declaration.width)

    def forward(self, x: Field, t: float) -> tuple[Field, Field]:
        g = self.geometry
        d, y = x @ g.difference, x @ g.centring
        r, rho = norm(d, -2, plus=g.softening), norm(y, -2, plus=1.0)
        eta, eta_slope = (g.of_kind(f).sum(-2) for f in self.eta(r, t))
        mu, mu_slope = (f.sum(-2) for f in self.mu(rho, t))
        v = (d * eta.unsqueeze(-2)) @ g.difference.T + (y * mu.unsqueeze(-2)) @ g.centring
        pairs = (eta * self.dim + g.radial(r) * eta_slope).sum(-1) * 2.0
        centre = (mu * self.dim + (rho - reciprocal(rho)) * mu_slope).sum(-1) * (1 - 1 / g.n)
        return v, pairs + centre


class MessagePassingVelocity(Velocity):
    r"""The same, with forces that depend on where all other electrons are.

    $$ s_{ik} = \sum_{l \ne i} \phi_k(r_{il}), \quad
       \eta \to \eta + \sum_k \epsilon_k(r_{ij}) \tanh(s_{ik} + s_{jk}), \quad
       \mu \to \mu + \sum_k \lambda_k(\rho_i) \tanh(s_{ik}) $$
    """

    def __init__(
        self,
        declaration: declarations.MessagePassing,
        n_up: int,
        n_down: int,
        dim: int = 2,
        smooth: float = 0.0,
    ) -> None:
        super().__init__()
        self.dim = float(dim)
        pairs = declarations.PairVelocity(width=declaration.width)
        self.pair = PairVelocity(pairs, n_up, n_down, dim, smooth)
        width, messages = declaration.width, declaration.messages
        kinds = len(self.pair.geometry.kinds)
        self.phi = RadialFunctions(messages * kinds, width, start=1.0)
        self.epsilon = RadialFunctions(messages * kinds, width)
        self.lam = RadialFunctions(messages, width)

    def forward(self, x: Field, t: float) -> tuple[Field, Field]:
        g = self.pair.geometry
        v, divergence = self.pair(x, t)
        d, y = x @ g.difference, x @ g.centring
        r, rho = norm(d, -2, plus=g.softening), norm(y, -2, plus=1.0)
        phi, phi_slope = (g.of_kind(f) for f in self.phi(r, t))
        epsilon, epsilon_slope = (g.of_kind(f) for f in self.epsilon(r, t))
        lam, lam_slope = self.lam(rho, t)
        s = phi @ g.member.T  # (batch, messages, n)
        pull, pull_slope = tanh_and_slope(s @ g.member)
        own, own_slope = tanh_and_slope(s)
        radial, inverse, rho = (f.unsqueeze(-2) for f in (g.radial(r), reciprocal(r), rho))
        far, close = d.unsqueeze(-3), y.unsqueeze(-3)
        grad_s = (far * (phi_slope * inverse).unsqueeze(-2)) @ g.difference.T  # d s_i / d r_i
        v = v + (d * (epsilon * pull).sum(-2).unsqueeze(-2)) @ g.difference.T
        v = v + (y * (lam * own).sum(-2).unsqueeze(-2)) @ g.centring
        relative = ((grad_s @ g.difference) * far).sum(-2) + radial * phi_slope * 2.0
        pairs = (epsilon * self.dim + radial * epsilon_slope) * pull * 2.0 + epsilon * pull_slope * relative
        centre = (lam * self.dim + (rho - reciprocal(rho)) * lam_slope) * own * (1 - 1 / g.n)
        centre = centre + lam * own_slope * (grad_s * close).sum(-2)
        return v, divergence + pairs.sum(-1).sum(-1) + centre.sum(-1).sum(-1)


def velocity_of(
    declaration: declarations.Velocity, n_up: int, n_down: int, dim: int = 2, smooth: float = 0.0
) -> Velocity:
    """The declared velocity of n_up + n_down electrons, or of other particles of one or two kinds.

    Args:
        smooth: b, where forces between opposite spins shall be smooth in all coordinates: they are then
            functions of (b^2 + r^2)^(1/2), and leave the cusp where two meet to others.
    """
    match declaration:
        case declarations.PairVelocity():
            return PairVelocity(declaration, n_up, n_down, dim, smooth)
        case declarations.MessagePassing():
            return MessagePassingVelocity(declaration, n_up, n_down, dim, smooth)
