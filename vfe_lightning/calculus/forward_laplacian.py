r"""Functions on configuration space carried with their gradient and Laplacian, by closed-form rules.

For f(x) with derivatives along all coordinates x_a the triple (f, d_a f, Laplacian f) obeys

    (f g):   g d f + f d g,      g Lap f + f Lap g + 2 sum_a d_a f d_a g,
    u(f):    u' d f,             u' Lap f + u'' sum_a (d_a f)^2,

so that a formula written with +, *, @ and known derivatives gives its own Laplacian, in one pass and
without automatic differentiation. Li et al., Nat. Mach. Intell. 6, 209 (2024), arXiv 2307.08214.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from vfe_lightning.calculus.local_jet import Linear, Local


@dataclass(frozen=True)
class Traced(Linear):
    """Values with their gradient and Laplacian in D underlying coordinates."""

    gradient: Tensor  # (D, batch, ...)
    laplacian: Tensor  # (batch, ...)

    def __mul__(self, other: "Traced | Tensor | float") -> "Traced":
        """A product of two functions, or with a constant that has at most the axes of the values."""
        if not isinstance(other, Traced):
            return Traced(*(t * other for t in self))
        return Traced(
            self.value * other.value,
            self.gradient * other.value + self.value * other.gradient,
            self.laplacian * other.value
            + self.value * other.laplacian
            + 2 * (self.gradient * other.gradient).sum(0),
        )

    def through(self, u: Tensor, first: Tensor, second: Tensor) -> "Traced":
        """u of the values, with its derivatives."""
        bent = first * self.laplacian + second * self.gradient.square().sum(0)
        return Traced(u, first * self.gradient, bent)


Field = TypeVar("Field", Tensor, Traced, Local)  # plain values, or with derivatives: one formula serves all


def coordinates(x: Tensor) -> Traced:
    """The coordinates themselves, (batch, ...): unit gradients and no Laplacian."""
    size = x[0].numel()
    unit = torch.eye(size, dtype=x.dtype, device=x.device).view(size, 1, *x.shape[1:])
    return Traced(x, unit.expand(-1, len(x), *x.shape[1:]), torch.zeros_like(x))


def composed(f: Field, derivatives: Sequence[Tensor]) -> Field:
    """u(f) from u, u', u'' at f, of which plain values need the first alone."""
    if isinstance(f, Tensor):
        return derivatives[0]
    return f.through(*derivatives[:3])


def value_of(f: Field) -> Tensor:
    """Without derivatives."""
    return f if isinstance(f, Tensor) else f.value


def of_square(r: Tensor, derivatives: Sequence[Tensor]) -> list[Tensor]:
    """u and its three derivatives at r, as those in r^2."""
    u, first, second, third = derivatives
    return [
        u,
        first / (2 * r),
        (second - first / r) / (4 * r**2),
        (third - 3 * second / r + 3 * first / r**2) / (8 * r**3),
    ]


def log_det_of_one_and(m: Sequence[Sequence[Field]]) -> Field:
    """ln det(1 + m) of entries [a][b], two or three of each."""
    m = [[less(f, -torch.ones_like(value_of(f))) if a == b else f for b, f in enumerate(row)]
         for a, row in enumerate(m)]  # fmt: skip
    if len(m) == 2:
        det = m[0][0] * m[1][1] - m[0][1] * m[1][0]
    else:
        minors = [m[1][b] * m[2][c] - m[1][c] * m[2][b] for b, c in ((1, 2), (2, 0), (0, 1))]
        det = m[0][0] * minors[0] + m[0][1] * minors[1] + m[0][2] * minors[2]
    inverse = value_of(det).reciprocal()
    return composed(det, [value_of(det).log(), inverse, -inverse.square()])


def norm(d: Field, dim: int, plus: float | Tensor = 0.0) -> Field:
    """sqrt(plus + |d|^2) over one of the trailing axes, counted from the end."""
    if isinstance(d, Tensor):
        return (plus + d.square().sum(dim)).sqrt()
    square = (d * d).sum(dim)
    r = (plus + square.value).sqrt()
    return composed(square, [r, 0.5 / r, -0.25 / r**3])


def reciprocal(f: Field) -> Field:
    """1 / f."""
    if isinstance(f, Tensor):
        return f.reciprocal()
    inverse = f.value.reciprocal()
    return composed(f, [inverse, -inverse.square(), 2 * inverse**3])


def mapped(f: Field, rearranged: Callable[[Tensor], Tensor]) -> Field:
    """What only moves or merges trailing axes, counted from the end, of values and derivatives alike."""
    return rearranged(f) if isinstance(f, Tensor) else type(f)(*map(rearranged, f))


def joined(parts: Sequence[Field], dim: int) -> Field:
    """Along one of the trailing axes, counted from the end."""
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat([part for part in parts if isinstance(part, Tensor)], dim)
    return type(first)(*(torch.cat(pieces, dim) for pieces in zip(*parts, strict=True)))


def less(f: Field, constant: Tensor) -> Field:
    """f - constant."""
    if isinstance(f, Tensor):
        return f - constant
    return replace(f, value=f.value - constant)


def tanh_and_slope(f: Field) -> tuple[Field, Field]:
    """tanh f and its derivative 1 - tanh^2 f."""
    tanh = torch.tanh(value_of(f))
    square = 1 - tanh.square()
    bend = -2 * tanh * square
    return composed(f, [tanh, square, bend]), composed(f, [square, bend, square * (4 - 6 * square)])
