r"""Densities and potentials on a regular grid of a periodic cube, by fast Fourier transforms.

With f(r) = L^-3 sum_G f_G exp(i G r) the potential of a density is v_G = 4 pi rho_G / G^2, without G = 0:
that of the charges, their images and a neutralising background. Hartree, Bohr.
"""

import math

import torch
from torch import Tensor, nn


class SpectralGrid(nn.Module):
    """An even number of points along each side; functions are (..., points, points, points)."""

    square: Tensor  # G^2 of half of the reciprocal vectors, (points, points, points / 2 + 1)
    inside: Tensor  # one, but zero at the highest frequencies, whose sign is not known
    coulomb: Tensor  # 4 pi / G^2, zero there and at G = 0
    axes: Tensor  # integer G of a full axis, (points,)

    def __init__(self, length: float, spacing: float) -> None:
        super().__init__()
        self.length, self.points = length, 2 * math.ceil(length / spacing / 2)
        whole = torch.fft.fftfreq(self.points, 1 / self.points, dtype=torch.float64)
        half = torch.arange(self.points // 2 + 1, dtype=torch.float64)
        square = whole[:, None, None] ** 2 + whole[:, None] ** 2 + half**2
        highest = self.points // 2
        full, last = whole.abs() < highest, half < highest
        inside = (full[:, None, None] & full[:, None] & last).double()
        square = (2 * math.pi / length) ** 2 * square
        coulomb = torch.where(square > 0, 4 * math.pi * inside / square.clamp(min=1e-9), 0.0)
        tables = {"square": square, "inside": inside, "coulomb": coulomb, "axes": whole}
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    @property
    def cell(self) -> float:
        """Volume that belongs to a point."""
        return (self.length / self.points) ** 3

    @property
    def axis(self) -> Tensor:
        """Coordinates of the points along an axis, (points,)."""
        count = torch.arange(self.points, dtype=self.square.dtype, device=self.square.device)
        return self.length / self.points * count

    def structure(self, centres: Tensor) -> Tensor:
        """sum_I exp(-i G R_I): (batch, centres, 3) -> complex (batch, points, points, points / 2 + 1)."""
        angle = -2 * math.pi / self.length * centres[..., None] * self.axes
        x, y, z = torch.polar(torch.ones_like(angle), angle).unbind(2)
        z = z[..., : self.points // 2 + 1]
        planes = (x[..., None] * y[:, :, None]).flatten(2)
        return (planes.mT @ z).unflatten(1, (self.points, self.points)) * self.inside

    def values(self, transform: Tensor) -> Tensor:
        """f on the grid of its f_G."""
        return torch.fft.irfftn(transform, s=(self.points,) * 3, dim=(-3, -2, -1)) / self.cell

    def potential(self, density: Tensor) -> Tensor:
        """What a density on the grid makes there."""
        found = torch.fft.rfftn(density, dim=(-3, -2, -1)) * self.coulomb
        return torch.fft.irfftn(found, s=(self.points,) * 3, dim=(-3, -2, -1))
