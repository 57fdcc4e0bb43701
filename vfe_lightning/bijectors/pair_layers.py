r"""Equivariant layers on the torus that generate positions, with the exact dense determinant of each.

A layer carries n particles in a cube of side 1 by one step of a velocity of pairs,

$$ x_i \leftarrow x_i + \frac{1}{K} \sum_j \Big[ \eta(\rho_{ij}) + \sum_m \chi_m(\rho_{ij})
   \tanh(\mu_{im} + \mu_{jm} + b_m) \Big] y_{ij}, \qquad \mu_{im} = \sum_j \phi_m(\rho_{ij}), $$

with y_a = sin(2 pi d_a) / (2 pi) and rho^2 = epsilon^2 + sum_a sin^2(pi d_a) / pi^2 of the difference d:
it commutes with permutations, translations and the symmetries of the cube. eta, chi and phi are sums of
Gaussians; messages mu make the force of a pair depend on the surroundings of both. The Jacobian is dense and
in closed form. An optimiser exploits the error of an integrated divergence; a step with an exact determinant
is an honest bound, however long it is, while det > 0. From independent particles to correlated ones space
expands where particles meet; in the other direction det J would touch zero there.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.bijector import Bijector
from vfe_lightning.bijectors.inversion import invert

DIM = 3
SOFTNESS = 0.03  # epsilon, in sides of the box
NEAREST, FARTHEST = 0.03, 0.55  # centres of the Gaussians; no rho is larger than sqrt(3) / pi by much
OVERLAP = 1.3  # their widths, in distances of their centres
SMOOTH = 0.1  # over which messages vary at first: steep ones fold
GRID = 24  # points along an axis, of means over the box


class PairLayer(nn.Module):
    """One step.

    Args:
        n: particles.
        width: Gaussians of each radial function.
        messages: features that a particle collects from the others; 0: forces of pairs alone.
        share: 1 / K.
    """

    centres: Tensor
    apart: Tensor  # (n, n): 0 on the diagonal
    mean: Tensor  # of each Gaussian over the box, (width,)

    def __init__(
        self, n: int, width: int, messages: int, share: float, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.messages, self.share = messages, share
        centres = torch.linspace(NEAREST, FARTHEST, width, dtype=torch.float64)
        self.spread = OVERLAP * (FARTHEST - NEAREST) / width
        points = (torch.arange(GRID, dtype=torch.float64) + 0.5) / GRID
        axis = (torch.sin(math.pi * points) / math.pi).square()
        rho = (axis[:, None, None] + axis[:, None] + axis + SOFTNESS**2).sqrt().flatten()
        gaussians = (-0.5 * ((rho[:, None] - centres) / self.spread).square()).exp()
        self.register_buffer("centres", centres, persistent=False)
        self.register_buffer("apart", 1 - torch.eye(n, dtype=torch.float64), persistent=False)
        self.register_buffer("mean", gaussians.mean(dim=0), persistent=False)
        force = torch.zeros(width, 1 + messages, dtype=torch.float64)  # eta, and chi of each message
        noise = torch.randn(width, messages, generator=generator, dtype=torch.float64)
        phi = (-0.5 * ((centres[:, None] - centres) / SMOOTH).square()).exp() @ noise
        phi = phi / ((n - 1) * (gaussians @ phi).square().mean(dim=0)).sqrt()
        self.weight = nn.Parameter(torch.cat([force, phi], dim=1))
        self.bias = nn.Parameter(torch.zeros(messages, dtype=torch.float64)) if messages else None

    def forward(self, x: Tensor, momentum: Tensor | None = None) -> Tensor:
        """(batch, n, 3) -> (batch, n, 3); no momentum, which flows of electrons may read."""
        return self.jac(x)[0]

    def jac(self, x: Tensor, momentum: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The new x and its Jacobian, (batch, 3 n, 3 n). Parameters may carry a leading walker axis."""
        n, m = x.shape[1], self.messages
        angle = math.pi * (x[:, :, None] - x[:, None])
        sin, cos = angle.sin(), angle.cos()
        y = sin * cos / math.pi
        rho = (sin.square().sum(dim=-1) / math.pi**2 + SOFTNESS**2).sqrt()
        u = (rho[..., None] - self.centres) / self.spread
        gaussian = (-0.5 * u.square()).exp() * self.apart[..., None]
        value = (gaussian.flatten(1, 2) @ self.weight).unflatten(1, (n, n))
        slope = ((gaussian * u).flatten(1, 2) @ self.weight).unflatten(1, (n, n))
        slope = slope / (-self.spread * rho[..., None])  # d / d rho, over rho: rho has the gradient y / rho
        force, force_slope = value[..., 0], slope[..., 0]
        felt = told = None
        if self.bias is not None:
            chi, phi = value[..., 1 : 1 + m], value[..., 1 + m :]
            usual = (n - 1) * (self.mean @ self.weight[..., 1 + m :])
            collected = phi.sum(dim=2) - usual.unsqueeze(-2)
            total = collected[:, :, None] + collected[:, None] + self.bias.unsqueeze(-2).unsqueeze(-2)
            tanh = total.tanh()
            force = force + (chi * tanh).sum(dim=-1)
            force_slope = force_slope + (slope[..., 1 : 1 + m] * tanh).sum(dim=-1)
            bend = y[..., None] * (chi * (1 - tanh.square()))[..., None, :]  # i, j, a, m
            felt = bend + _on_the_diagonal(bend.sum(dim=2))
            told = _sum_less_each(slope[..., 1 + m :, None] * y[..., None, :])  # j, l, m, c: d mu_j / d x_l
        moved = x + self.share * (force[..., None] * y).sum(dim=2)
        block = force_slope[..., None, None] * y[..., :, None] * y[..., None, :]
        block = block + (force[..., None] * (cos.square() - sin.square())).diag_embed()
        jacobian = _as_matrix(_sum_less_each(block))
        if felt is not None and told is not None:
            jacobian = jacobian + _as_matrix(felt) @ _as_matrix(told)
        return moved, torch.eye(DIM * n, dtype=x.dtype, device=x.device) + self.share * jacobian


def _on_the_diagonal(of_each: Tensor) -> Tensor:
    """(batch, n, ...) -> (batch, n, n, ...)."""
    one = torch.eye(of_each.shape[1], dtype=of_each.dtype, device=of_each.device)
    return of_each[:, :, None] * one.reshape(*one.shape, *[1] * (of_each.ndim - 2))


def _sum_less_each(pairs: Tensor) -> Tensor:
    """delta_ij sum_k p_ik - p_ij of a p whose p_ii does not count: (batch, n, n, a, c), likewise."""
    return _on_the_diagonal(pairs.sum(dim=2)) - pairs


def _as_matrix(blocks: Tensor) -> Tensor:
    """(batch, n, n, a, c) -> (batch, n a, n c)."""
    batch, n, _, a, c = blocks.shape
    return blocks.transpose(2, 3).reshape(batch, n * a, n * c)


class PairLayers(Bijector):
    """K steps after each other, from z to x, both (batch, n, 3) in sides of the box.

    ln det is NaN where a step has det <= 0: the map folds there and p(x) would not be normalised. On
    the torus a step is a bijection if and only if det > 0 everywhere. The inverse is by Newton's method.
    """

    def __init__(
        self, n: int, layers: int, width: int, messages: int, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            PairLayer(n, width, messages, 1 / layers, generator) for _ in range(layers)
        )

    @property
    def _layers(self) -> list[PairLayer]:
        return cast(list[PairLayer], list(self.layers))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self.with_jacobian(z)[:2]

    def with_jacobian(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x, ln det dx/dz and dx/dz, (batch, 3 n, 3 n)."""
        x, log_det, jacobian = z, z.new_zeros(len(z)), None
        for layer in self._layers:
            x, step = layer.jac(x)
            log_det = log_det + _log_det(step)
            jacobian = step if jacobian is None else step @ jacobian
        assert jacobian is not None
        return x, log_det, jacobian

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z of x and ln det dz/dx.

        Raises:
            NotInvertible: no z was found, or det <= 0 there.
        """
        log_det = x.new_zeros(len(x))
        for layer in reversed(self._layers):
            found = invert(layer, x.detach()).x
            again, step = layer.jac(found)
            # one more step of Newton's, through which derivatives know of the inverse
            z = found - torch.linalg.solve(step.detach(), (again - x).flatten(1)).view_as(x)
            log_det = log_det - _log_det(layer.jac(z)[1])
            x = z
        return x, log_det


def _log_det(jacobian: Tensor) -> Tensor:
    sign, log_abs = torch.linalg.slogdet(jacobian)
    return torch.where(sign > 0, log_abs, torch.nan)
