r"""Independent particles with one normal density each: an upper bound of the free energy in a trap.

$$ F(\sigma) = n d [ \tfrac{k}{2} \sigma^2 - T \ln \sigma - \tfrac{T}{2} \ln (2 \pi e) ]
   + \tfrac{n (n-1)}{2} \langle u(\sqrt 2 \sigma |z|) \rangle_z $$
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import digamma, gamma


@dataclass(frozen=True)
class GaussianGas:
    """The best sigma, the width of each coordinate, and its F of the whole system."""

    sigma: float
    free_energy: float


def coulomb(n: int, dim: int, stiffness: float, beta: float) -> GaussianGas:
    """u = 1 / r: <1/|z|> of d normal variables is Gamma((d-1)/2) / (sqrt 2 Gamma(d/2)), infinite in 1D."""
    inverse = gamma((dim - 1) / 2) / (math.sqrt(2) * gamma(dim / 2))
    return _best(n, dim, stiffness, beta, lambda sigma: inverse / (math.sqrt(2) * sigma))


def logarithmic(n: int, dim: int, stiffness: float, beta: float, coupling: float) -> GaussianGas:
    """u = -coupling ln r: <ln |z|> of d normal variables is (ln 2 + digamma(d/2)) / 2."""
    log = (math.log(2) + float(digamma(dim / 2))) / 2
    return _best(
        n, dim, stiffness, beta, lambda sigma: -coupling * (0.5 * math.log(2) + math.log(sigma) + log)
    )


def _best(n: int, dim: int, stiffness: float, beta: float, pair: Callable[[float], float]) -> GaussianGas:
    def free_energy(log_sigma: float) -> float:
        one = (
            stiffness / 2 * np.exp(2 * log_sigma) - (log_sigma + 0.5 * math.log(2 * math.pi * math.e)) / beta
        )
        return float(n * dim * one + n * (n - 1) / 2 * pair(np.exp(log_sigma)))

    found: Any = minimize_scalar(free_energy, bracket=(-1.0, 1.0))
    return GaussianGas(float(np.exp(found.x)), float(found.fun))
