r"""Velocities of electrons among protons at rest, and their flow: equivariant and periodic.

$$ v_i = \sum_j [ \eta(\rho_{ij}, t) + \sum_k \epsilon_k(\rho_{ij}, t) \tanh(s_{ik} + s_{jk}) ] y_{ij}
   + \sum_I \sum_k f_k(S_I) \, \mu_k(\rho_{iI}, t) y_{iI}, \qquad s_{ik} = \sum_I \phi_k(\rho_{iI}, t) $$

with eta and epsilon of equal and of opposite spins, messages s that tell electrons at a proton from those
between two, and features f of a proton that depend on the other protons alone: 1, and how many are within 1.5
and 2.5 Bohr, so that an atom and a molecule have forces of their own. All forces are smooth at contact, end
at a few Bohr, and leave the cusps to `ElectronCusps`. Nothing else may have a kink at a proton: under |det|
that of a general network makes Psi discontinuous. Bohr.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.continuous import ContinuousFlow
from vfe_lightning.bijectors.electron_cusps import ElectronCusps
from vfe_lightning.bijectors.equivariant_velocity import PairGeometry, Velocity
from vfe_lightning.bijectors.periodic_forces import Distances, distances
from vfe_lightning.bijectors.radial_functions import RadialFunctions
from vfe_lightning.calculus.forward_laplacian import Field, composed, less, tanh_and_slope, value_of

NEAR, FAR = 1.5, 2.5  # Bohr: where neighbours of a proton are counted
FEATURES = 3


class ProtonVelocity(nn.Module, ABC):
    """A velocity of n_up + n_down electrons that needs the protons: `at` gives it them."""

    each: Tensor  # (n, n N): one where the electron belongs to the pair of electron and proton

    def __init__(self, n_up: int, n_down: int, protons: int, length: float) -> None:
        super().__init__()
        self.length, self.pairs = length, PairGeometry(n_up, n_down)
        one = torch.eye(n_up + n_down, dtype=torch.float64)
        self.register_buffer("each", one.repeat_interleave(protons, dim=1), persistent=False)

    def at(self, protons: Tensor) -> Velocity:
        """Among protons (batch, N, 3), those of each walker."""
        return _AtProtons(self, protons)

    @abstractmethod
    def forces(self, x: Field, t: float, from_protons: Field, features: Tensor) -> tuple[Field, Field]:
        """v (batch, 3, n) and div v (batch,) at x (batch, 3, n).

        Args:
            from_protons: differences of each electron and each proton, (batch, 3, n N).
            features: of the proton in each of these pairs, (batch, FEATURES, n N).
        """


class _AtProtons(Velocity):
    def __init__(self, velocity: ProtonVelocity, protons: Tensor) -> None:
        super().__init__()
        n = len(velocity.each)
        self.velocity, self.places = velocity, protons.mT.repeat(1, 1, n)
        self.features = surroundings(protons, velocity.length).repeat(1, 1, n)

    def forward(self, x: Field, t: float) -> tuple[Field, Field]:
        return self.velocity.forces(x, t, less(x @ self.velocity.each, self.places), self.features)


class ElectronVelocity(ProtonVelocity):
    """Trainable forces between electrons and from protons, functions of one distance each."""

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
        super().__init__(n_up, n_down, protons, length)
        self.softness, self.reach = softness, reach
        self.eta = RadialFunctions(len(self.pairs.kinds), width)
        self.mu = RadialFunctions(FEATURES, width)
        self.phi = RadialFunctions(messages, width, start=1.0) if messages else None
        self.epsilon = RadialFunctions(messages * len(self.pairs.kinds), width) if messages else None

    def forces(self, x: Field, t: float, from_protons: Field, features: Tensor) -> tuple[Field, Field]:
        from_each = distances(from_protons, self.length, self.softness)
        pull, slope = ((f * features).sum(-2) for f in self.mu(from_each.rho, t))
        v, divergence = from_each.force(*self._ended(from_each.rho, pull, slope))
        v, divergence = v @ self.each.T, divergence.sum(-1)
        g = self.pairs
        if not g.difference.shape[1]:
            return v, divergence
        found = distances(x @ g.difference, self.length, self.softness)
        push, slope = (g.of_kind(f).sum(-2) for f in self.eta(found.rho, t))
        if self.phi is not None and self.epsilon is not None:
            s, grad_s = self._messages(from_each, self.phi(from_each.rho, t))
            told, of_told = tanh_and_slope(s @ g.member)
            more, more_slope = (g.of_kind(f) for f in self.epsilon(found.rho, t))
            push, slope = push + (more * told).sum(-2), slope + (more_slope * told).sum(-2)
            turned = ((grad_s @ g.difference) * found.y.unsqueeze(-3)).sum(-2)
            around = (more * of_told * turned).sum(-2)
            window = self._ended(found.rho, around, around)[0]
            divergence = divergence + window.sum(-1)
        of_pairs, spread = found.force(*self._ended(found.rho, push, slope))
        return v + of_pairs @ g.difference.T, divergence + spread.sum(-1) * 2.0

    def _messages(self, found: Distances[Field], phi: tuple[Field, Field]) -> tuple[Field, Field]:
        """s (batch, messages, n) and ds_i / dx_i (batch, messages, 3, n)."""
        rho = found.rho.unsqueeze(-2)
        value, slope = self._ended(rho, *phi)
        along = (slope * found.inverse.unsqueeze(-2)).unsqueeze(-2) * found.y.unsqueeze(-3)
        return value @ self.each.T, along @ self.each.T

    def _ended(self, rho: Field, u: Field, slope: Field) -> tuple[Field, Field]:
        """u and its slope times exp(-(rho / reach)^2)."""
        x = value_of(rho) / self.reach
        bell = torch.exp(-x.square())
        derivatives = [
            bell,
            -2 / self.reach * x * bell,
            (4 * x.square() - 2) / self.reach**2 * bell,
            (12 * x - 8 * x**3) / self.reach**3 * bell,
        ]
        window, fall = composed(rho, derivatives), composed(rho, derivatives[1:])
        return u * window, slope * window + u * fall


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
        """That of protons (batch, N, 3), those of each walker; the parameters are the same."""
        cusps = self.cusps.at(protons) if self.cusps else None
        return ContinuousFlow(self.velocity.at(protons), self.steps, self.tolerance, cusps, recorded=False)
