r"""Independent particles with one normal density each: an upper bound of the free energy in a trap.

$$ F(\sigma) = n d [ \tfrac{k}{2} \sigma^2 - T \ln \sigma - \tfrac{T}{2} \ln (2 \pi e) ]
   + \tfrac{n (n-1)}{2} \langle u(\sqrt 2 \sigma |z|) \rangle_z $$

Its minimum is in closed form for 1 / r and for ln r.
"""

import math
from dataclasses import dataclass

from scipy.special import digamma, gammaln

from vfe_lightning.exact.cubic import positive_root


@dataclass(frozen=True)
class GaussianGas:
    """The best sigma, the width of each coordinate, and its F of the whole system."""

    sigma: float
    free_energy: float


def coulomb(n: int, dim: int, stiffness: float, beta: float) -> GaussianGas:
    """u = 1 / r: <1/|z|> of d normal variables is Gamma((d-1)/2) / (sqrt 2 Gamma(d/2)), infinite in 1D."""
    inverse = math.exp(gammaln((dim - 1) / 2) - gammaln(dim / 2)) / 2  # <1 / r> sigma
    sigma = positive_root(1 / (beta * stiffness), (n - 1) * inverse / (2 * dim * stiffness))
    return GaussianGas(
        sigma, _independent(n, dim, stiffness, beta, sigma) + n * (n - 1) / 2 * inverse / sigma
    )


def logarithmic(n: int, dim: int, stiffness: float, beta: float, coupling: float) -> GaussianGas:
    """u = -coupling ln r: <ln |z|> of d normal variables is (ln 2 + digamma(d/2)) / 2."""
    log = math.log(2) + float(digamma(dim / 2)) / 2  # <ln r> - ln sigma
    sigma = math.sqrt((1 / beta + coupling * (n - 1) / (2 * dim)) / stiffness)
    pairs = -coupling * n * (n - 1) / 2 * (math.log(sigma) + log)
    return GaussianGas(sigma, _independent(n, dim, stiffness, beta, sigma) + pairs)


def _independent(n: int, dim: int, stiffness: float, beta: float, sigma: float) -> float:
    entropy = math.log(sigma) + 0.5 * math.log(2 * math.pi * math.e)
    return n * dim * (stiffness / 2 * sigma**2 - entropy / beta)
