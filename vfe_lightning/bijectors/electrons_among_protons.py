r"""Velocities of electrons among protons at rest, and their flow: equivariant and periodic.

$$ v_i = \sum_j \eta(\rho_{ij}, t) y_{ij} + \sum_I f(S_I) \cdot \mu(\rho_{iI}, t) y_{iI} + \ldots $$

with eta of equal and of opposite spins, features f of a proton that depend on the other protons alone: 1, and
how many are within 1.5 and 2.5 Bohr, so that an atom and a molecule have forces of their own, and those of
`ThreeBodyForces`. All are smooth at contact, end at a few Bohr, and leave the cusps to `ElectronCusps`.
Nothing else may have a kink at a proton: under |det| that of a general network makes Psi discontinuous. Bohr.
"""

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.continuous import ContinuousFlow, require_small
from vfe_lightning.bijectors.electron_cusps import ElectronCusps
from vfe_lightning.bijectors.equivariant_velocity import PairGeometry, Velocity
from vfe_lightning.bijectors.periodic_forces import distances
from vfe_lightning.bijectors.radial_functions import RadialFunctions, ended, enough
from vfe_lightning.bijectors.three_body_forces import ThreeBodyForces
from vfe_lightning.calculus.chain_rule import each_alone
from vfe_lightning.calculus.forward_laplacian import Field, less
from vfe_lightning.calculus.replay import replayed

NEAR, FAR = 1.5, 2.5  # Bohr: where neighbours of a proton are counted
FEATURES = 3


class _AtProtons(Velocity):
    def __init__(self, velocity: "ElectronVelocity", protons: Tensor) -> None:
        super().__init__()
        n = velocity.pairs.n
        self.velocity, self.places = velocity, protons.mT.repeat(1, 1, n)
        self.features = surroundings(protons, velocity.length).repeat(1, 1, n)

    def forward(self, x: Field, t: float) -> tuple[Field, Field]:
        return self.velocity.forces(x, t, self.places, self.features)


class ElectronVelocity(nn.Module):
    """Trainable forces between electrons and from protons, functions of one distance each."""

    each: Tensor  # (n, n N): one where the electron belongs to the pair of electron and proton

    def __init__(
        self,
        n_up: int,
        n_down: int,
        protons: int,
        length: float,
        width: int,
        softness: float,
        reach: float,
        three_body: int = 0,
    ) -> None:
        super().__init__()
        self.length, self.pairs = length, PairGeometry(n_up, n_down)
        one = torch.eye(n_up + n_down, dtype=torch.float64)
        self.register_buffer("each", one.repeat_interleave(protons, dim=1), persistent=False)
        self.softness, self.reach = softness, reach
        self.eta = RadialFunctions(len(self.pairs.kinds), width)
        self.mu = RadialFunctions(FEATURES, width)
        shape = n_up, n_down, protons, length, width, softness, reach
        self.three_body = ThreeBodyForces(three_body, *shape) if three_body else None

    def at(self, protons: Tensor) -> Velocity:
        """Among protons (batch, N, 3), those of each walker."""
        return _AtProtons(self, protons)

    def forces(self, x: Field, t: float, places: Tensor, features: Tensor) -> tuple[Field, Field]:
        """v (batch, 3, n) and div v (batch,) at x (batch, 3, n).

        Args:
            places, features: of the proton in each pair of electron and proton, (batch, 3 | FEATURES, n N).
        """
        g = self.pairs
        v, divergence = each_alone(lambda y: self._pull(less(y @ self.each, places), t, features), x)
        divergence = divergence.sum(-1)
        if self.three_body:
            told, more = self.three_body.forces(x, t, places)
            v, divergence = v + told, divergence + more.sum(-1)
        if not g.difference.shape[1]:
            return v, divergence
        push, spread = each_alone(lambda y: self._push(y, t), x @ g.difference)
        return v + push @ g.difference.T, divergence + spread.sum(-1) * 2.0

    def _pull(self, d: Field, t: float, features: Tensor) -> tuple[Field, Field]:
        """On each electron by all protons, (batch, 3, n), and its divergence (batch, n)."""
        found = distances(d, self.length, self.softness)
        pull = [(u * features).sum(-2) for u in enough(self.mu, found.rho, t)]
        v, divergence = found.force(*ended(found.rho, pull, self.reach))
        return v @ self.each.T, divergence @ self.each.T

    def _push(self, d: Field, t: float) -> tuple[Field, Field]:
        """On the first of each pair by the second, (batch, 3, pairs), and its divergence (batch, pairs)."""
        found = distances(d, self.length, self.softness)
        push = [self.pairs.of_kind(u).sum(-2) for u in enough(self.eta, found.rho, t)]
        return found.force(*ended(found.rho, push, self.reach))


def surroundings(protons: Tensor, length: float) -> Tensor:
    """Features of each proton among the others: (batch, N, 3) -> (batch, FEATURES, N)."""
    d = protons[:, :, None] - protons[:, None]
    square = (d - length * (d / length).round()).square().sum(-1)
    near, far = (torch.exp(-((square / reach**2) ** 2)).sum(-1) - 1 for reach in (NEAR, FAR))
    return torch.stack([torch.ones_like(near), near - 0.5, 0.4 * (far - 1)], dim=1)


class ElectronFlow(nn.Module):
    """x of electrons and zeta, at given protons: a trained flow, then the cusps."""

    def __init__(
        self, velocity: ElectronVelocity, cusps: ElectronCusps | None, steps: int, tolerance: float
    ) -> None:
        super().__init__()
        self.velocity, self.cusps, self.steps, self.tolerance = velocity, cusps, steps, tolerance

    def at(self, protons: Tensor) -> ContinuousFlow:
        """That of protons (batch, N, 3), those of each walker; the parameters are the same.

        It knows the protons, so that no method of it is one that `replayed` may record.
        """
        cusps = self.cusps.at(protons) if self.cusps else None
        return ContinuousFlow(self.velocity.at(protons), self.steps, self.tolerance, cusps)

    def invert(self, z: Tensor, protons: Tensor) -> tuple[Tensor, Tensor]:
        """x of z and the residual, see `ContinuousFlow.invert`."""
        x, residual = replayed(self._corrected, z, protons)
        require_small(residual, self.tolerance)
        return x, residual

    def _corrected(self, z: Tensor, protons: Tensor) -> tuple[Tensor, Tensor]:
        return self.at(protons).corrected(z)
