r"""Both spins in the two-stream flow: the streams of one spin with twice the channels, half of them silent.

$$ u_i = A h_i + B \, \overline{h}_{\text{own}} + B' \, \overline{h}_{\text{other}}
       + C \, \overline{t}_{\text{own}} + C' \, \overline{t}_{\text{other}} + b $$

with sums over the electrons of a spin divided by n, and pairs t_ij with weights of their own for equal and
for opposite spins: equivariant under permutations within each spin, and under the exchange of the spins. An
electron of spin up has its h in the first half of the channels and one of spin down in the second, a pair
of equal spins its t in the first half and one of opposite spins in the second, so that plain means over
electrons and over partners are means over each spin.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

Weighted = tuple[Tensor, Tensor]  # weight (fan_in, fan_out) and bias, with or without a leading walker axis


class Spins(nn.Module):
    """Which electron and which pair speaks in which channels; spin up stands first.

    Args:
        smooth: length that distances of opposite spins are raised by in squares, in units of the box's.
    """

    electrons: Tensor  # (n, 2): one in the channel of an electron's spin
    kinds: Tensor  # (2, n, n): pairs of equal spin, self pairs among them, and of opposite spin
    softening: Tensor  # (n, n): what squared distances are raised by

    def __init__(self, n_up: int, n_down: int, smooth: float) -> None:
        super().__init__()
        up = torch.arange(n_up + n_down) < n_up
        equal = up[:, None] == up
        self.register_buffer("electrons", torch.stack([up, ~up], 1).double(), persistent=False)
        self.register_buffer("kinds", torch.stack([equal, ~equal]).double(), persistent=False)
        self.register_buffer("softening", smooth**2 * (~equal).double(), persistent=False)

    def of_electrons(self, t: Tensor) -> Tensor:
        """Silence the channels of the other spin: (batch, n, 2 f)."""
        return (t.unflatten(-1, (2, -1)) * self.electrons[:, :, None]).flatten(-2)

    def of_pairs(self, t: Tensor) -> Tensor:
        """Silence the channels of the other kind of pairs: (batch, 2 f, i, j)."""
        return (t.unflatten(1, (2, -1)) * self.kinds[:, None]).flatten(1, 2)

    def by_kind(self, t: Tensor, dim: int) -> Tensor:
        """Functions of any pair, at equal and then at opposite spins, along an axis: (..., i, j)."""
        return torch.cat([t * kind for kind in self.kinds], dim)

    def any_kind(self, values: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """The inverse of by_kind, for the values and the gradients of features."""
        return sum_of_halves(values, 1), sum_of_halves(gradient, 2)


def sum_of_halves(t: Tensor, dim: int) -> Tensor:
    first, second = t.chunk(2, dim)
    return first + second


def doubled(t: Tensor) -> Tensor:
    """A weight or a bias by which both spins read alike: (..., width) -> (..., 2 width)."""
    return torch.cat([t, t], -1)


def written(out: Tensor) -> Tensor:
    """Both spins write alike: (width, dim) -> (2 width, dim)."""
    return torch.cat([out, out], -2)


def of_own_and_other(own: Tensor, other: Tensor) -> Tensor:
    """Blocks (f, g) of channels of the own and of the other spin, or kind: (2 f, 2 g)."""
    return torch.cat([torch.cat([own, other], -1), torch.cat([other, own], -1)], -2)


def by_kinds(layers: Sequence[Weighted]) -> list[Weighted]:
    """Pair layers, a half of the columns for each kind, on channels of both: (f, 2 g) -> (2 f, 2 g)."""
    made = []
    for weight, bias in layers:
        equal, opposite = weight.chunk(2, -1)
        nothing = torch.zeros_like(equal)
        blocks = [torch.cat([equal, nothing], -1), torch.cat([nothing, opposite], -1)]
        made.append((torch.cat(blocks, -2), bias))
    return made
