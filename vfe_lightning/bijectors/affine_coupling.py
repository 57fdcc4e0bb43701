r"""Affine couplings of the coordinates of a vector: RealNVP.

$$ x_a = z_a \, e^{s(z_b)} + t(z_b), \quad x_b = z_b $$

Dinh, Sohl-Dickstein & Bengio, ICLR (2017). s = 3 tanh keeps scales between e^-3 and e^3 in one layer.
"""

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.bijector import Bijector, Composed

REACH = 3.0  # of the logarithm of the scale
FIRST = 0.01  # of the last weights, so that the map starts near the identity


class AffineCoupling(Bijector):
    """Samples may have any shape; they are vectors of coordinates here.

    Args:
        moved: which coordinates are moved, by all others, (coordinates,) of bool.
        width: hidden units of each of the two hidden layers of the network of s and t.
        circular: which coordinates are angles of period 2 pi, (coordinates,) of bool; none of them moves.
    """

    moved: Tensor

    def __init__(self, moved: Tensor, width: int, circular: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("moved", moved.nonzero()[:, 0], persistent=False)
        self.conditioner = Conditioner(~moved, circular, width, 2 * len(self.moved))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        flat = z.flatten(1)
        s, t = self._scale_and_shift(flat)
        x = flat.index_copy(1, self.moved, flat[:, self.moved] * s.exp() + t)
        return x.view_as(z), s.sum(dim=1)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        flat = x.flatten(1)
        s, t = self._scale_and_shift(flat)
        z = flat.index_copy(1, self.moved, (flat[:, self.moved] - t) * (-s).exp())
        return z.view_as(x), -s.sum(dim=1)

    def _scale_and_shift(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.conditioner(flat).chunk(2, dim=1)
        return REACH * torch.tanh(s / REACH), t


class Conditioner(nn.Module):
    """Numbers that depend on some coordinates, on angles by their cosines and sines.

    Args:
        kept: which coordinates they depend on, (coordinates,) of bool.
        circular: which coordinates are angles, (coordinates,) of bool; None: no one.
    """

    linear: Tensor
    angles: Tensor

    def __init__(self, kept: Tensor, circular: Tensor | None, width: int, outputs: int) -> None:
        super().__init__()
        circular = torch.zeros_like(kept) if circular is None else circular
        self.register_buffer("linear", (kept & ~circular).nonzero()[:, 0], persistent=False)
        self.register_buffer("angles", (kept & circular).nonzero()[:, 0], persistent=False)
        self.network = dense(len(self.linear) + 2 * len(self.angles), width, outputs)

    def forward(self, flat: Tensor) -> Tensor:
        """(batch, coordinates) -> (batch, outputs)."""
        angles = flat[:, self.angles]
        return self.network(torch.cat([flat[:, self.linear], angles.cos(), angles.sin()], dim=1))


def dense(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Two hidden layers; the outputs start near zero."""
    network = nn.Sequential(
        nn.Linear(inputs, width, dtype=torch.float64),
        nn.SiLU(),
        nn.Linear(width, width, dtype=torch.float64),
        nn.SiLU(),
        nn.Linear(width, outputs, dtype=torch.float64),
    )
    last = network[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight.mul_(FIRST)
        last.bias.zero_()
    return network


def moved_in_turn(layer: int, coordinates: int) -> Tensor:
    """Which coordinates a layer moves: by one bit of their number, and in the next layer the others.

    Every two coordinates are on different sides in some pair of layers: (coordinates,) of bool.
    """
    bits = max((coordinates - 1).bit_length(), 1)
    index = torch.arange(coordinates)
    return ((index >> (layer // 2 % bits)) & 1) == (layer + 1) % 2


def affine_couplings(coordinates: int, layers: int, width: int) -> Composed:
    """`layers` couplings of all coordinates, which take turns."""
    return Composed(AffineCoupling(moved_in_turn(k, coordinates), width) for k in range(layers))
