r"""Both spins in the two-stream flow: the streams of one spin, on four blocks of pairs and two mean fields.

$$ u_i = A h_i + B \, \overline{h}_{\text{own}} + B' \, \overline{h}_{\text{other}}
       + C \, \overline{t}_{\text{own}} + C' \, \overline{t}_{\text{other}} + b $$

with sums over the electrons of a spin divided by n, and pairs t_ij with weights of their own for equal and
for opposite spins: equivariant under permutations within each spin, and under the exchange of the spins.
Spin up stands first, so that each spin is a slice of the electrons, and pairs are blocks: for each spin of i
one of equal spins and then one of opposite spins.  With one spin there is one slice, one block, one mean.

What weights act on has the own spin first, and then the other; mean fields have spin up first.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import pad

T = TypeVar("T")
Blocks = list[list[T]]  # [spin of i][0 for equal spins, 1 for opposite ones]


class Spins(NamedTuple):
    """Electrons of spin up, who stand first, and of spin down.

    Args:
        smooth: length that distances of opposite spins are raised by in squares, in units of the box's.
    """

    n_up: int
    n_down: int = 0
    smooth: float = 0.0

    @property
    def kinds(self) -> int:
        """Of electrons by their spin, and of pairs by whether theirs are equal."""
        return 2 if self.n_down else 1

    def by_spin(self, t: Tensor, electrons: int) -> Sequence[Tensor]:
        """The electrons of each spin, along an axis."""
        return t.split([self.n_up, self.n_down], electrons) if self.n_down else [t]

    def by_kind(self, t: Tensor, features: int) -> Sequence[Tensor]:
        """What is of the own and of the other spin, along an axis of features."""
        return t.chunk(2, features) if self.n_down else [t]

    def blocks(self, pairs: Tensor) -> Blocks[Tensor]:
        """(..., i, j) -> the blocks of pairs."""
        rows = enumerate(self.by_spin(pairs, -2))
        return [own_first(self.by_spin(row, -1), spin) for spin, row in rows]

    def matrix(self, blocks: Blocks[Tensor]) -> Tensor:
        """The inverse of blocks."""
        return joined([joined(own_first(row, spin), -1) for spin, row in enumerate(blocks)], -2)

    def mean_over_partners(self, blocks: Blocks[Tensor]) -> Tensor:
        """(batch, f, i, j) -> (batch, i, kinds f)."""
        means = [joined([block.sum(-1) for block in row], 1) for row in blocks]
        return (joined(means, 2) / (self.n_up + self.n_down)).mT

    def mean(self, t: Tensor, electrons: int, spin: int) -> Tensor:
        """Part of the mean over an axis of electrons, kept, that one spin makes."""
        return self.by_spin(t, electrons)[spin].sum(electrons, keepdim=True) / (self.n_up + self.n_down)

    def own_and_other_mean(self, t: Tensor, electrons: int, features: int) -> Tensor:
        """Means as each spin sees them, one place a spin along the electrons and twice the features."""
        means = [self.mean(t, electrons, spin) for spin in range(self.kinds)]
        return joined([joined(own_first(means, s), features) for s in range(len(means))], electrons)

    def to_electrons(self, t: Tensor, electrons: int) -> Tensor:
        """From one place a spin to one an electron, or one for all if there is one spin."""
        if not self.n_down:
            return t
        up, down = t.split(1, electrons)
        sizes = [-1] * t.dim()
        sizes[electrons] = self.n_up
        up = up.expand(sizes)
        sizes[electrons] = self.n_down
        return torch.cat([up, down.expand(sizes)], electrons)

    def on_pairs(self, cotangent: Tensor) -> Blocks[Tensor]:
        """Cotangents (batch, i, ..., kinds f) of means over partners, as ones of each block's."""
        return [list(self.by_kind(t, -1)) for t in self.by_spin(cotangent, 1)]

    def on_fields(self, cotangent: Tensor) -> Tensor:
        """Cotangents (batch, i, ..., f) of the means of i's own and other spin, as ones of up and of down."""
        by_spin = enumerate(self.by_spin(cotangent, 1))
        return joined([joined(own_first(self.by_kind(t, -1), spin), -1) for spin, t in by_spin], 1)

    def at(self, spin: int, of_kinds: Iterable[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Functions of i, of one spin, and of j, of its own and of the other, as ones of all electrons."""
        at_i, at_j = zip(*of_kinds, strict=True)
        total = reduce(torch.add, at_i)
        if self.n_down:
            total = pad(total, (self.n_up, 0) if spin else (0, self.n_down))
        return total, joined(own_first(at_j, spin), -1)


def each(function: Callable[..., T], *blocks: Blocks[Any]) -> Blocks[T]:
    """A function of a block, or of the same block of several."""
    return [[function(*of_one) for of_one in zip(*rows, strict=True)] for rows in zip(*blocks, strict=True)]


def own_first(of_each: Sequence[T], spin: int) -> list[T]:
    """Spin up and down -> a spin and the other, and back."""
    return [*of_each[spin:], *of_each[:spin]]


def joined(parts: Sequence[Tensor], dim: int) -> Tensor:
    """The concatenation, without a copy of a single part."""
    return torch.cat(list(parts), dim) if len(parts) > 1 else parts[0]
