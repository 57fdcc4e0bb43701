"""Correlation functions of particles in a periodic cube, one value a sample for honest errors."""

import math

import torch
from torch import Tensor

from vfe_lightning.declarations.twist import Several, TwistAverage
from vfe_lightning.exact.twist_average import irreducible
from vfe_lightning.hamiltonians.periodic_box import UNIT_BALL, plane_waves

MOMENTUM_SHELLS = 30
STRUCTURE_FACTOR_CUTOFF = 16  # |G|^2 in units of (2 pi / L)^2


def reciprocal_shells(
    dim: int, length: float, cutoff: int = STRUCTURE_FACTOR_CUTOFF
) -> tuple[Tensor, Tensor]:
    """Wave vectors k != 0 of the untwisted grid in absolute units, and their shells of equal |k|.

    Returns:
        (vectors, dim) with one of k and -k, and (vectors,).
    """
    grid = plane_waves(dim, cutoff, (0.0,) * dim)
    weight = 1000.0 ** torch.arange(dim - 1, -1, -1, dtype=grid.dtype)
    grid = grid[grid @ weight > 0]  # S(k) = S(-k)
    shells = torch.unique(grid.square().sum(dim=1), return_inverse=True)[1]
    return 2 * math.pi / length * grid, shells


def pair_correlation(x: Tensor, length: float, bins: int, pairs: Tensor | None = None) -> Tensor:
    r"""g(r) in equal shells of 0 < r < L/2: (batch, n, dim) -> (batch, bins).

    $g(r) = L^d \, \langle \text{pairs in the shell} \rangle / [ \text{pairs} \times \text{volume} ]$.

    Args:
        pairs: which are counted, (2, pairs); all by default.
    """
    batch, n, dim = x.shape
    i, j = torch.triu_indices(n, n, offset=1, device=x.device) if pairs is None else pairs
    r = x[:, i] - x[:, j]
    distance = (r - length * (r / length).round()).norm(dim=-1)
    index = (distance * (2 * bins / length)).long()
    inside = index < bins
    counts = x.new_zeros(batch, bins)
    counts.scatter_add_(1, index.clamp(max=bins - 1), inside.to(x.dtype))
    edges = shell_edges(length, bins, x.device).to(x.dtype)
    volume = UNIT_BALL[dim] * (edges[1:] ** dim - edges[:-1] ** dim)
    return counts * length**dim / (len(i) * volume)


def paired(x: Tensor, length: float, longest: float) -> Tensor:
    """Share of the particles whose nearest one has them for its nearest, too, not farther than `longest`.

    (batch, n, dim) -> (batch,): of protons, those in molecules.
    """
    r = x[:, :, None] - x[:, None]
    distance = (r - length * (r / length).round()).norm(dim=-1)
    distance = distance + torch.diag(x.new_full((x.shape[1],), math.inf))
    least, nearest = distance.min(dim=2)
    mutual = nearest.gather(1, nearest) == torch.arange(x.shape[1], device=x.device)
    return (mutual & (least <= longest)).to(x.dtype).mean(dim=1)


def pairs_of_spins(n_up: int, n_down: int, device: torch.device | None = None) -> dict[str, Tensor]:
    """Pairs of equal and of opposite spin, (2, pairs) each, where there are any; spin up stands first."""
    up, down = (torch.triu_indices(n, n, offset=1, device=device) for n in (n_up, n_down))
    both = torch.cartesian_prod(*(torch.arange(n, device=device) for n in (n_up, n_down)))
    kinds = {
        "equal": torch.cat([up, down + n_up], dim=1),
        "opposite": torch.stack([both[:, 0], both[:, 1] + n_up]),
    }
    return {kind: pairs for kind, pairs in kinds.items() if pairs.shape[1]}


def shell_edges(length: float, bins: int, device: torch.device | None = None) -> Tensor:
    """Edges of the shells of `pair_correlation`: (bins + 1,)."""
    return torch.linspace(0, length / 2, bins + 1, dtype=torch.float64, device=device)


def structure_factor(x: Tensor, k: Tensor, shells: Tensor) -> Tensor:
    """S(k) = |sum_j exp(i k . x_j)|^2 / n, averaged over shells of equal |k|.

    Args:
        x: (batch, n, dim).
        k: wave vectors of the untwisted grid, (vectors, dim).
        shells: which shell each vector belongs to, (vectors,).

    Returns:
        (batch, number of shells).
    """
    phase = x @ k.T
    squared = phase.cos().sum(dim=1).square() + phase.sin().sum(dim=1).square()
    average = torch.zeros(len(k), int(shells.max()) + 1, dtype=x.dtype, device=x.device)
    average[torch.arange(len(k), device=x.device), shells] = 1.0
    return (squared / x.shape[1]) @ (average / average.sum(dim=0))


def occupation_numbers(occupied: Tensor, orbitals: int) -> Tensor:
    """n_k of each sample, 0 or 1: sorted indices (batch, n) -> (batch, orbitals), float64."""
    numbers = torch.zeros(len(occupied), orbitals, dtype=torch.float64, device=occupied.device)
    return numbers.scatter_(1, occupied, 1.0)


def momentum_shells(twists: Several, dim: int, cutoff: int) -> tuple[Tensor, Tensor]:
    """Shells of |k| within the shortest orbital that is left out at any twist, in 2 pi / L.

    Returns:
        Their edges (shells + 1,), and how many orbitals a twist has in each on average: (shells,).
    """
    longest = math.sqrt(cutoff + 1) - math.sqrt(dim) / 2
    edges = torch.linspace(0, longest, MOMENTUM_SHELLS + 1, dtype=torch.float64)
    if isinstance(twists, TwistAverage):
        return edges, UNIT_BALL[dim] * (edges[1:] ** dim - edges[:-1] ** dim)
    counts = torch.zeros(MOMENTUM_SHELLS, dtype=torch.float64)
    for twist, weight in irreducible(twists, dim):
        counts += weight * shell_counts(plane_waves(dim, cutoff, twist).norm(dim=1)[None], edges)[0]
    return edges, counts


def shell_counts(lengths: Tensor, edges: Tensor) -> Tensor:
    """How many are in each shell, of none beyond the last: (batch, n) -> (batch, shells)."""
    shells = len(edges) - 1
    index = torch.searchsorted(edges, lengths.contiguous(), right=True) - 1
    counts = torch.zeros(len(lengths), shells + 1, dtype=edges.dtype, device=edges.device)
    return counts.scatter_add_(1, index.clamp(max=shells), torch.ones_like(lengths))[:, :shells]
