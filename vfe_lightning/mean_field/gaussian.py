r"""The best translation-invariant Gaussian state of a lattice field: an upper bound on its free energy.

$$ E = \frac{1}{2 N} \sum_k q_k |x_k|^2 + \sum_i v(x_i): \quad
   \langle |x_k|^2 \rangle / N = \frac{1}{q_k + u}, \quad u = \langle v''(x) \rangle $$

at beta = 1 and with the mean m in v(m + x): the self-consistent harmonic approximation, Hooton, Phil. Mag.
46, 422 (1955). The Gibbs-Bogoliubov inequality makes it a bound.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import brentq, minimize_scalar
from torch import Tensor

POINTS = 80  # of the Gauss-Hermite rule
LARGEST_MEAN = 12.0  # that is looked at
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
    means = np.linspace(0.0, LARGEST_MEAN, 49)
    coarse = [gaussian_field(q, potential, curvature, m).free_energy for m in means]
    best = means[int(np.argmin(coarse))]
    step = means[1]
    fine = minimize_scalar(
        lambda m: gaussian_field(q, potential, curvature, m).free_energy,
        bounds=(max(0.0, best - step), best + step),
        method="bounded",
    )
    return gaussian_field(q, potential, curvature, float(fine.x) if best > 0 else 0.0)  # pyright: ignore


def gaussian_field(q: Tensor, potential: Function, curvature: Function, mean: float = 0.0) -> GaussianField:
    """The stationary Gaussian field with the softest allowed modes.

    Args:
        q: stiffness of each mode, (L, L).
        potential, curvature: v and v'' at points, (points,) -> (points,).
        mean: <x_i>.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(POINTS)
    y, w = torch.from_numpy(nodes), torch.from_numpy(weights) / math.sqrt(2 * math.pi)
    softest = q.min().item()

    def excess(log_gap: float) -> float:
        """u - <v''> where the softest mode has the stiffness exp(log_gap)."""
        u = math.exp(log_gap) - softest
        width = (1 / (q + u)).mean().sqrt()
        return u - (w @ curvature(mean + width * y)).item()

    grid = np.linspace(-12, 18, 61)
    values = [excess(g) for g in grid]
    step = next(i for i in range(60) if values[i] < 0 <= values[i + 1])
    u = math.exp(float(brentq(excess, grid[step], grid[step + 1]))) - softest  # pyright: ignore
    variance = 1 / (q + u)
    x = mean + variance.mean().sqrt() * y
    condensed = 0.5 * q.numel() * q[0, 0] * mean**2
    energy = 0.5 * (q * variance).sum() + condensed + q.numel() * (w @ potential(x))
    entropy = 0.5 * (2 * math.pi * math.e * variance).log().sum()
    return GaussianField((energy - entropy).item(), variance, mean)
