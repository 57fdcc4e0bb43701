r"""Functions of a point in space with their first and second derivatives, by closed-form rules.

(f g)_ab = f g_ab + f_a g_b + f_b g_a + f_ab g, and u(f)_ab = u' f_ab + u'' f_a f_b: ten numbers each, however
many points there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

FIRST, SECOND = [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]  # axes of each second derivative


@dataclass(frozen=True)
class Linear:
    """Values and derivatives of them, to all of which what is linear is done alike."""

    value: Tensor  # (batch, ...)

    def __iter__(self) -> Iterator[Tensor]:
        return iter([getattr(self, field.name) for field in fields(self)])

    def __add__(self, other: Self) -> Self:
        return type(self)(*(a + b for a, b in zip(self, other, strict=True)))

    def __sub__(self, other: Self) -> Self:
        return type(self)(*(a - b for a, b in zip(self, other, strict=True)))

    def __matmul__(self, matrix: Tensor) -> Self:
        """A constant matrix applied to the last axis."""
        return type(self)(*(t @ matrix for t in self))

    def sum(self, dim: int) -> Self:
        """Over one of the trailing axes, counted from the end."""
        return type(self)(*(t.sum(dim) for t in self))

    def unsqueeze(self, dim: int) -> Self:
        """A new trailing axis, counted from the end."""
        return type(self)(*(t.unsqueeze(dim) for t in self))

    def unflatten(self, dim: int, sizes: tuple[int, ...]) -> Self:
        """One of the trailing axes, counted from the end, taken apart."""
        return type(self)(*(t.unflatten(dim, sizes) for t in self))

    def split(self, size: int, dim: int) -> list[Self]:
        """One of the trailing axes, counted from the end, in pieces."""
        pieces = [t.split(size, dim) for t in self]
        return [type(self)(*piece) for piece in zip(*pieces, strict=True)]


@dataclass(frozen=True)
class Local(Linear):
    """Values with all derivatives in three coordinates of their own."""

    gradient: Tensor  # (3, batch, ...)
    hessian: Tensor  # (6, batch, ...): along xx, xy, xz, yy, yz, zz

    def __mul__(self, other: "Local | Tensor | float") -> "Local":
        """A product of two functions of the same points, or with a constant."""
        if not isinstance(other, Local):
            return Local(*(t * other for t in self))
        f, g = self.gradient, other.gradient
        return Local(
            self.value * other.value,
            f * other.value + self.value * g,
            self.hessian * other.value
            + self.value * other.hessian
            + (_first(f) * _second(g) + _second(f) * _first(g)),
        )

    def through(self, u: Tensor, first: Tensor, second: Tensor) -> "Local":
        """u of the values, with its derivatives."""
        bent = first * self.hessian + second * _first(self.gradient) * _second(self.gradient)
        return Local(u, first * self.gradient, bent)


def _first(g: Tensor) -> Tensor:
    """g[FIRST], without an index that a GPU would wait for."""
    return torch.cat([g[:1]] * 3 + [g[1:2]] * 2 + [g[2:]])


def _second(g: Tensor) -> Tensor:
    """g[SECOND], likewise."""
    return torch.cat([g, g[1:], g[2:]])


def local_coordinates(x: Tensor) -> Local:
    """The points themselves, (batch, 3, points)."""
    unit = torch.eye(3, dtype=x.dtype, device=x.device)[:, None, :, None]
    return Local(x, unit.expand(-1, len(x), -1, x.shape[2]), x.new_zeros(6, *x.shape))
