r"""Velocities of electrons among protons at rest, and their flow: equivariant and periodic.

$$ v_i = \sum_j [ \eta(\rho_{ij}, t) + \sum_k \epsilon_k(\rho_{ij}, t) \tanh(s_{ik} + s_{jk}) ] y_{ij}
   + \sum_I \sum_k f_k(S_I) \, \mu_k(\rho_{iI}, t) y_{iI}, \qquad s_{ik} = \sum_I \phi_k(\rho_{iI}, t) $$

with eta and epsilon of equal and of opposite spins, messages s that tell electrons at a proton from those
between two, and features f of a proton that depend on the other protons alone: 1, and how many are within 1.5
and 2.5 Bohr, so that an atom and a molecule have forces of their own. All forces are smooth at contact, end
at a few Bohr, and leave the cusps to `ElectronCusps`. Nothing else may have a kink at a proton: under |det|
that of a general network makes Psi discontinuous. Bohr.
"""

import math

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.continuous import ContinuousFlow, require_small
from vfe_lightning.bijectors.electron_cusps import ElectronCusps
from vfe_lightning.bijectors.equivariant_velocity import PairGeometry, Velocity
from vfe_lightning.bijectors.periodic_forces import distances
from vfe_lightning.bijectors.radial_functions import RadialFunctions
from vfe_lightning.calculus.chain_rule import each_alone
from vfe_lightning.calculus.forward_laplacian import (
    Field,
    composed,
    less,
    tanh_and_slope,
    value_of,
)
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
        messages: int = 0,
    ) -> None:
        super().__init__()
        self.length, self.pairs = length, PairGeometry(n_up, n_down)
        one = torch.eye(n_up + n_down, dtype=torch.float64)
        self.register_buffer("each", one.repeat_interleave(protons, dim=1), persistent=False)
        self.softness, self.reach = softness, reach
        self.eta = RadialFunctions(len(self.pairs.kinds), width)
        self.mu = RadialFunctions(FEATURES, width)
        self.phi = RadialFunctions(messages, width, start=1.0) if messages else None
        self.epsilon = RadialFunctions(messages * len(self.pairs.kinds), width) if messages else None

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
        if not g.difference.shape[1]:
            return v, divergence
        d = x @ g.difference
        push, spread = each_alone(lambda y: self._push(y, t), d)
        spread = spread * 2.0
        if self.phi is not None and self.epsilon is not None:
            told, more = self._told(self.phi, self.epsilon, x, d, t, places)
            push, spread = push + told, spread + more
        return v + push @ g.difference.T, divergence + spread.sum(-1)

    def _pull(self, d: Field, t: float, features: Tensor) -> tuple[Field, Field]:
        """On each electron by all protons, (batch, 3, n), and its divergence (batch, n)."""
        found = distances(d, self.length, self.softness)
        pull = [(u * features).sum(-2) for u in self._derivatives(self.mu, found.rho, t)]
        v, divergence = found.force(*self._ended(found.rho, pull))
        return v @ self.each.T, divergence @ self.each.T

    def _push(self, d: Field, t: float) -> tuple[Field, Field]:
        """On the first of each pair by the second, (batch, 3, pairs), and its divergence (batch, pairs)."""
        found = distances(d, self.length, self.softness)
        push = [self.pairs.of_kind(u).sum(-2) for u in self._derivatives(self.eta, found.rho, t)]
        return found.force(*self._ended(found.rho, push))

    def _told(
        self, phi: RadialFunctions, epsilon: RadialFunctions, x: Field, d: Field, t: float, places: Tensor
    ) -> tuple[Field, Field]:
        """The same by messages, and the divergences of both electrons."""
        g = self.pairs
        s, grad_s = each_alone(lambda y: self._messages(phi, less(y @ self.each, places), t), x)
        along, spread = each_alone(lambda y: self._channels(epsilon, y, t), d)
        told, of_told = tanh_and_slope(s @ g.member)
        turned = ((grad_s @ g.difference) * along).sum(-2)
        force = (along * told.unsqueeze(-2)).sum(-3)
        return force, (spread * told).sum(-2) * 2.0 + (of_told * turned).sum(-2)

    def _channels(self, epsilon: RadialFunctions, d: Field, t: float) -> tuple[Field, Field]:
        """What messages multiply, (batch, messages, 3, pairs), and its divergence."""
        found = distances(d, self.length, self.softness)
        told = [self.pairs.of_kind(u) for u in self._derivatives(epsilon, found.rho, t)]
        push, slope = self._ended(found.rho.unsqueeze(-2), told)
        divergence = push * found.cosines.unsqueeze(-2) + slope * found.radial.unsqueeze(-2)
        return push.unsqueeze(-2) * found.y.unsqueeze(-3), divergence

    def _messages(self, phi: RadialFunctions, d: Field, t: float) -> tuple[Field, Field]:
        """s (batch, messages, n) and ds_i / dx_i (batch, messages, 3, n)."""
        found = distances(d, self.length, self.softness)
        of_rho = self._derivatives(phi, found.rho, t)
        value, slope = self._ended(found.rho.unsqueeze(-2), of_rho)
        along = (slope * found.inverse.unsqueeze(-2)).unsqueeze(-2) * found.y.unsqueeze(-3)
        return value @ self.each.T, along @ self.each.T

    def _derivatives(self, functions: RadialFunctions, rho: Field, t: float) -> list[Tensor]:
        """As many as a force and its divergence need, and of these two more where they have derivatives."""
        return functions.derivatives(value_of(rho), t, 2 if isinstance(rho, Tensor) else 4)

    def _ended(self, rho: Field, derivatives: list[Tensor]) -> tuple[Field, Field]:
        """u exp(-(rho / reach)^2) and its slope, of u and its derivatives in rho."""
        x, reach = value_of(rho) / self.reach, self.reach
        bell = torch.exp(-x.square())
        window = [
            bell,
            -2 / reach * x * bell,
            (4 * x.square() - 2) / reach**2 * bell,
            (12 * x - 8 * x**3) / reach**3 * bell,
        ]
        product = [
            torch.as_tensor(sum(math.comb(n, k) * derivatives[k] * window[n - k] for k in range(n + 1)))
            for n in range(len(derivatives))
        ]
        return composed(rho, product), composed(rho, product[1:])


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
