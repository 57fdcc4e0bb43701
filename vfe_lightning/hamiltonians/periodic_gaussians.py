r"""Spherical Gaussians on protons in a periodic cube, with their derivatives, overlaps and kinetic energies.

$$ \chi_{I m}(r) = \prod_a \theta_m(r_a - S_{I a}), \qquad
   \theta_m(d) = \sum_k e^{2 \pi i k t_a} (2 \alpha_m / \pi)^{1/4} \exp[-\alpha_m (d + k L)^2] $$

They factorise into axes, and so do all matrix elements. Twists t_a of zero and of one half, periodic and
antiperiodic functions, keep them real. Bohr, Hartree.
"""

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement

import torch
from torch import Tensor, nn

NEGLIGIBLE = 6.3  # exp(-x^2) below 1e-17
PERIODIC = (0.0, 0.0, 0.0)


class PeriodicGaussians(nn.Module):
    """Normalised Gaussians of P exponents on N protons each: N P functions, those of a proton together."""

    exponents: Tensor  # (P,), in Bohr^-2
    antiperiodic: Tensor  # (3,): one where the twist is one half, zero where there is none

    def __init__(
        self, exponents: Sequence[float], length: float, twist: tuple[float, ...] = PERIODIC
    ) -> None:
        super().__init__()
        self.length, self.smallest, self.twisted = length, min(exponents), any(twist)
        self.register_buffer("exponents", torch.tensor(exponents, dtype=torch.float64), persistent=False)
        turned = torch.tensor(twist, dtype=torch.float64).abs() * 2
        self.register_buffer("antiperiodic", turned, persistent=False)

    def momentum(self, electrons: int) -> Tensor:
        """Of so many electrons by the twist, in a field that translations by the cube alone keep: (3,)."""
        return electrons * math.pi / self.length * self.antiperiodic

    def along_axes(self, d: Tensor, order: int = 0, axis: int = -1) -> list[Tensor]:
        """theta and its derivatives up to an order, at distances d (...), x, y, z along `axis`: (..., P)."""
        a = self.exponents[:, None]
        d, sign = self._images(d, self.smallest, axis)
        g = sign * (2 * a / math.pi) ** 0.25 * torch.exp(-a * d * d)
        factors = [1.0, -2 * a * d, 2 * a * (2 * a * d * d - 1)]
        return [(f * g).sum(-1) for f in factors[: order + 1]]

    def at(self, points: Tensor, protons: Tensor, order: int = 0) -> list[Tensor]:
        """All basis functions at points, then their derivatives along x, y, z, then along xx, xy, ..., zz.

        Args:
            points: (batch, points, 3); protons: (batch, N, 3).

        Returns:
            (batch, points, N P) each: 1, 4 or 10 of them.
        """
        along = self.along_axes(points[:, :, None] - protons[:, None], order)  # (batch, points, N, 3, P)
        found = []
        for total in range(order + 1):
            for axes in combinations_with_replacement(range(3), total):
                x, y, z = (along[axes.count(a)][..., a, :] for a in range(3))
                found.append((x * y * z).flatten(2))
        return found

    def on_grid(self, axis: Tensor, protons: Tensor) -> Tensor:
        """On the points axis x axis x axis: (batch, N P, points^3)."""
        (g,) = self.along_axes(axis - protons[..., None], axis=-2)  # (batch, N, 3, points, P)
        x, y, z = g.transpose(-1, -2).unbind(2)
        planes = (x[..., :, None] * y[..., None, :]).flatten(-2)
        return (planes[..., None] * z[..., None, :]).flatten(-2).flatten(1, 2)

    def matrices(self, protons: Tensor) -> tuple[Tensor, Tensor]:
        """Overlaps and -nabla^2 / 2 between all basis functions: (batch, N P, N P) each."""
        count = len(self.exponents)
        a, b = self.exponents.repeat(protons.shape[1]), protons.repeat_interleave(count, dim=1)
        total = a[:, None] + a
        reduced = (a[:, None] * a / total)[..., None, None]
        d, sign = self._images(b[:, :, None] - b[:, None], self.smallest / 2)
        d, scale = d[..., 0, :], (2 * (a[:, None] * a).sqrt() / total).sqrt()[..., None, None]
        of_images = sign[..., 0, :] * scale * torch.exp(-reduced * d * d)
        kinetic = (of_images * reduced * (1 - 2 * reduced * d * d)).sum(-1)
        x, y, z = of_images.sum(-1).unbind(-1)
        of_x, of_y, of_z = kinetic.unbind(-1)
        return x * y * z, of_x * y * z + x * of_y * z + x * y * of_z

    def _images(self, d: Tensor, exponent: float, axis: int = -1) -> tuple[Tensor, Tensor]:
        """d of all images that an exponent reaches, and the sign of each: (...) -> (..., 1, images)."""
        count = max(1, math.ceil(NEGLIGIBLE / (self.length * math.sqrt(exponent)) - 0.5))
        home = (d / self.length).round()
        cubes = torch.arange(-count, count + 1, dtype=d.dtype, device=d.device)
        images = (d - self.length * home)[..., None, None] + self.length * cubes
        if not self.twisted:
            return images, d.new_ones(1, 1)
        turned = self.antiperiodic.view(3, *[1] * (-axis - 1))
        crossed = (cubes - home[..., None, None]).remainder(2)
        return images, 1 - 2 * crossed * turned[..., None, None]
