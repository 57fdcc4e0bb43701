"""Potentials of one particle in a plane with several minima: the first tests of Boltzmann generators."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from vfe_lightning.calculus.gradient import gradient
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian


class DoubleWell(ContinuousHamiltonian):
    """a x + b x^2 + c x^4 + y^2 / 2.

    Noe, Olsson, Koehler & Wu, Science 365, eaaw1147 (2019), with a = 1, b = -3 and c = 1/4.
    """

    def __init__(self, a: float = 1.0, b: float = -3.0, c: float = 0.25) -> None:
        super().__init__()
        self.a, self.b, self.c = a, b, c

    def along(self, x: Tensor) -> Tensor:
        """The part that depends on x, elementwise."""
        return x * (self.a + x * (self.b + self.c * x * x))

    def minima(self) -> list[float]:
        """Where along x the wells are, b < 0: two from left to right, or one where a leaves no other."""
        a, b, c = self.a, self.b, self.c
        third, tilt = math.sqrt(-b / (6 * c)), a / (4 * c)  # x^3 - 3 third^2 x + tilt = 0
        ratio = abs(tilt) / 2 / third / third / third if third > 0 else math.inf
        if ratio < 1:
            angle = math.acos(ratio) / 3
            found = [-2 * third * math.cos(angle), 2 * third * math.cos(math.pi / 3 - angle)]
        elif ratio < 1e100:
            found = [-2 * third * math.cosh(math.acosh(ratio) / 3)]
        else:
            found = [-(abs(tilt) ** (1 / 3))]
        return found if a >= 0 else [-x for x in reversed(found)]

    def energy(self, x: Tensor) -> Tensor:
        """(batch, 2) -> (batch,)."""
        return self.along(x[:, 0]) + 0.5 * x[:, 1].square()

    def gradient(self, x: Tensor) -> Tensor:
        along, across = x.detach().unbind(dim=1)
        return torch.stack([self.a + along * (2 * self.b + 4 * self.c * along.square()), across], dim=1)


class MuellerBrown(ContinuousHamiltonian):
    """scale (sum_k A_k exp(quadratic form) + 146.7): three minima and a curved path between them.

    Mueller & Brown, Theor. Chim. Acta 53, 75 (1979); shifted so that the lowest minimum is nearly zero.
    """

    shift = 146.7
    heights: Sequence[float] = (-200.0, -100.0, -170.0, 15.0)
    centres: Sequence[tuple[float, float]] = ((1.0, 0.0), (0.0, 0.5), (-0.5, 1.5), (-1.0, 1.0))
    forms: Sequence[tuple[float, float, float]] = (
        (-1.0, 0.0, -10.0),
        (-1.0, 0.0, -10.0),
        (-6.5, 11.0, -6.5),
        (0.7, 0.6, 0.7),
    )

    def __init__(self, scale: float = 0.15) -> None:
        super().__init__()
        self.scale = scale

    def minima(self) -> Tensor:
        """The lowest one first: (3, 2)."""
        x = torch.tensor([[-0.558, 1.442], [0.623, 0.028], [-0.050, 0.467]], dtype=torch.float64)
        for _ in range(6):  # Newton's steps
            slope = torch.func.vmap(torch.func.grad(self._of_one))(x)
            curvature = torch.func.vmap(torch.func.hessian(self._of_one))(x)
            x = x - torch.linalg.solve(curvature, slope)
        return x

    def _of_one(self, x: Tensor) -> Tensor:
        return self.energy(x[None])[0] / self.scale

    def energy(self, x: Tensor) -> Tensor:
        """(batch, 2) -> (batch,)."""
        total = x.new_full((len(x),), self.shift)
        for height, (x0, y0), (a, b, c) in zip(self.heights, self.centres, self.forms, strict=True):
            dx, dy = x[:, 0] - x0, x[:, 1] - y0
            total = total + height * (a * dx * dx + b * dx * dy + c * dy * dy).exp()
        return self.scale * total

    def gradient(self, x: Tensor) -> Tensor:
        return gradient(self.energy, x)
