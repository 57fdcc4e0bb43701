"""Densities of particles in a trap, one value a sample for honest errors."""

import math

import torch
from torch import Tensor

from vfe_lightning import declarations

DENSITY_BINS = 60
PAIR_DENSITY_BINS = 40


def edge(d: declarations.QuantumDot) -> float:
    """A radius beyond which there is next to no density, in sqrt(hbar / m omega).

    The Thomas-Fermi radius of the charges, the Fermi radius of the oscillator, and three lengths of the tail.
    """
    n = d.n_up + d.n_down
    classical = (1.5 * math.pi / 2 * n * d.z) ** (1 / 3)
    kinetic = math.sqrt(2 * math.sqrt(2 * max(d.n_up, d.n_down)))
    thermal = 0 if math.isinf(d.beta) else math.sqrt(2 / d.beta)
    return max(classical, kinetic, thermal) + 2.5


def radial_density(x: Tensor, edge: float, bins: int = DENSITY_BINS) -> Tensor:
    """n(r) in equal shells of 0 < r < edge, particles a volume: (batch, n, dim) -> (batch, bins)."""
    index = (x.norm(dim=-1) * (bins / edge)).long()
    counts = x.new_zeros(len(x), bins)
    counts.scatter_add_(1, index.clamp(max=bins - 1), (index < bins).to(x.dtype))
    return counts / shell_volumes(edge, bins, x.shape[2], x.device).to(x.dtype)


def shell_volumes(edge: float, bins: int, dim: int, device: torch.device | None = None) -> Tensor:
    """Volumes, or areas, of the shells of `radial_density`: (bins,)."""
    edges = torch.linspace(0, edge, bins + 1, dtype=torch.float64, device=device)
    ball = math.pi ** (dim / 2) / math.gamma(dim / 2 + 1)
    return ball * (edges[1:] ** dim - edges[:-1] ** dim)


def pair_density(x: Tensor, edge: float, bins: int = PAIR_DENSITY_BINS) -> Tensor:
    """Density of the others where an electron lies on the positive x axis, mean over electrons.

    In a square of side 2 edge around the centre of the trap: (batch, n, 2) -> (batch, bins * bins), x first.
    """
    batch, n, _ = x.shape
    axis = x / x.norm(dim=-1, keepdim=True)
    along = x @ axis.mT  # [j, i]: electron j along the axis of electron i
    across = x @ torch.stack([-axis[..., 1], axis[..., 0]], dim=-1).mT
    others = ~torch.eye(n, dtype=torch.bool, device=x.device)
    cell = ((torch.stack([along, across])[..., others] + edge) * (bins / (2 * edge))).floor().long()
    inside = ((cell >= 0) & (cell < bins)).all(0)
    index = (cell.clamp(0, bins - 1) * torch.tensor([bins, 1], device=x.device)[:, None, None]).sum(0)
    counts = x.new_zeros(batch, bins * bins)
    counts.scatter_add_(1, index, inside.to(x.dtype))
    return counts / (n * (2 * edge / bins) ** 2)
