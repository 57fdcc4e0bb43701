r"""The best translation-invariant Gaussian state of a lattice field: an upper bound on its free energy.

$$ E = \frac{1}{2 N} \sum_k q_k |x_k|^2 + \sum_i v(x_i): \quad
   \langle |x_k|^2 \rangle / N = \frac{1}{q_k + u}, \quad u = \langle v''(x) \rangle $$

at beta = 1, for v(x) = v(-x) and zero mean: the self-consistent harmonic approximation, Hooton, Phil. Mag.
46, 422 (1955). The Gibbs-Bogoliubov inequality makes it a bound.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

POINTS = 80  # of the Gauss-Hermite rule


@dataclass(frozen=True)
class GaussianField:
    """Attributes:
    free_energy: of all sites.
    variance: <|x_k|^2> / N of each mode, (L, L).
    """

    free_energy: float
    variance: Tensor


def gaussian_field(q: Tensor, potential: Callable[[Tensor], Tensor], curvature: Callable[[Tensor], Tensor]):
    """The stationary Gaussian field with the softest allowed modes.

    Args:
        q: stiffness of each mode, (L, L).
        potential, curvature: v and v'' at points, (points,) -> (points,).
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(POINTS)
    y, w = torch.from_numpy(nodes), torch.from_numpy(weights) / math.sqrt(2 * math.pi)
    softest = q.min().item()

    def excess(log_gap: float) -> float:
        """u - <v''> where the softest mode has the stiffness exp(log_gap)."""
        u = math.exp(log_gap) - softest
        width = (1 / (q + u)).mean().sqrt()
        return u - (w @ curvature(width * y)).item()

    grid = np.linspace(-12, 8, 81)
    values = [excess(g) for g in grid]
    step = next(i for i in range(80) if values[i] < 0 <= values[i + 1])
    u = math.exp(float(brentq(excess, grid[step], grid[step + 1]))) - softest  # pyright: ignore
    variance = 1 / (q + u)
    x = variance.mean().sqrt() * y
    energy = 0.5 * (q * variance).sum() + q.numel() * (w @ potential(x))
    entropy = 0.5 * (2 * math.pi * math.e * variance).log().sum()
    return GaussianField((energy - entropy).item(), variance)
