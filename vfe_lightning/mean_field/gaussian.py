r"""The best translation-invariant Gaussian state of a lattice field: an upper bound on its free energy.

$$ E = \frac{1}{2 N} \sum_k q_k |x_k|^2 + \sum_i v(x_i): \quad
   \langle |x_k|^2 \rangle / N = \frac{1}{q_k + u}, \quad u = \langle v''(x) \rangle $$

at beta = 1 and with the mean m in v(m + x): the self-consistent harmonic approximation, Hooton, Phil. Mag.
46, 422 (1955). The Gibbs-Bogoliubov inequality makes it a bound.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.optimize import brentq, minimize_scalar
from torch import Tensor

NODES = 8  # of the rule in each panel
PANELS = 40  # of a normal density, beside those that halve towards x = 0
WIDEST = 10.0  # standard deviations
LEAST = -600.0  # logarithm of a stiffness
Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class GaussianField:
    """A Gaussian state of all sites.

    Attributes:
        free_energy: of all sites.
        variance: <|x_k - <x_k>|^2> / N of each mode, (L, L).
        mean: <x_i>.
    """

    free_energy: float
    variance: Tensor
    mean: float


def best_gaussian_field(q: Tensor, potential: Function, curvature: Function) -> GaussianField:
    """The one of lowest free energy among all means >= 0; arguments as of `gaussian_field`."""

    def at(mean: float) -> float:
        return gaussian_field(q, potential, curvature, mean).free_energy

    symmetric = gaussian_field(q, potential, curvature)
    logs = math.log(10) * np.arange(-3.0, 9.1, 0.25)  # of the means of a field with two phases
    best = int(np.argmin([at(math.exp(log)) for log in logs]))
    bounds = (logs[max(best - 1, 0)], logs[min(best + 1, len(logs) - 1)])
    fine = minimize_scalar(
        lambda log: at(math.exp(log)), bounds=bounds, method="bounded", options={"xatol": 1e-9}
    )
    broken = gaussian_field(q, potential, curvature, math.exp(fine.x))  # pyright: ignore
    return broken if broken.free_energy < symmetric.free_energy else symmetric


def gaussian_field(q: Tensor, potential: Function, curvature: Function, mean: float = 0.0) -> GaussianField:
    """The stationary Gaussian field with the softest allowed modes.

    Args:
        q: stiffness of each mode, (L, L).
        potential, curvature: v and v'' at points, (points,) -> (points,); they vary over one or are powers.
        mean: <x_i>.

    Raises:
        ValueError: there is none in double precision.
    """
    rise = q - q.min()

    def modes(log_gap: float) -> Tensor:
        return 1 / (rise + math.exp(log_gap))

    def excess(log_gap: float) -> float:
        """u - <v''> where the softest mode has the stiffness exp(log_gap)."""
        x, w = normal_rule(mean, modes(log_gap).mean().sqrt().item())
        return math.exp(log_gap) - q.min().item() - (w @ curvature(x)).item()

    log_gap = first_root(excess)
    variance = modes(log_gap)
    x, w = normal_rule(mean, variance.mean().sqrt().item())
    condensed = 0.5 * q.numel() * q[0, 0] * mean**2
    # sum_k q_k <|x_k|^2> by q = 1 / variance - u
    u = math.exp(log_gap) - q.min().item()
    fluctuations = 0.5 * (q.numel() - u * variance.sum())
    energy = fluctuations + condensed + q.numel() * (w @ potential(x))
    entropy = 0.5 * (2 * math.pi * math.e * variance).log().sum()
    return GaussianField((energy - entropy).item(), variance, mean)


def first_root(excess: Callable[[float], float]) -> float:
    """Where a function first turns from negative to positive on a grid of the line, as far as it has to go.

    Raises:
        ValueError: nowhere.
    """
    low, high = -12.0, 18.0
    while excess(low) >= 0 and low > LEAST:
        low *= 2
    while excess(high) < 0 and high < -LEAST:
        high *= 2
    grid = np.linspace(low, high, 1 + round(high - low))
    before = low
    if excess(low) < 0:
        for after in grid[1:]:
            if excess(after) >= 0:
                return float(brentq(excess, before, after, xtol=1e-13))  # pyright: ignore
            before = after
    raise ValueError("no Gaussian field is stationary in double precision: take parameters nearer to one")


@cache
def legendre() -> tuple[Tensor, Tensor]:
    """Points and weights of a panel from -1 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return torch.from_numpy(nodes), torch.from_numpy(weights)


def normal_rule(mean: float, width: float) -> tuple[Tensor, Tensor]:
    """Points and weights of a normal density, also of functions of x that vary over one: (points,) each."""
    scales = 0.25 * 2.0 ** torch.arange(60, dtype=torch.float64)
    around = (torch.cat([-scales, torch.zeros(1, dtype=torch.float64), scales]) - mean) / width
    panels = torch.linspace(-WIDEST, WIDEST, PANELS + 1, dtype=torch.float64)
    edges = torch.cat([panels, around.clamp(-WIDEST, WIDEST)]).sort().values
    size = edges.diff()
    nodes, weights = legendre()
    y = (edges[:-1, None] + size[:, None] * (nodes + 1) / 2)[size > 0].flatten()
    w = (size[:, None] * weights / 2)[size > 0].flatten() * (-0.5 * y * y).exp()
    return mean + width * y, w / w.sum()
