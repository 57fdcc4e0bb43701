r"""Exact thermodynamics of classical particles in a harmonic trap, $H = \frac{k}{2} \sum x^2 + \sum u(r)$.

Densities are of labelled particles, without 1/N! and without a thermal wavelength.
"""

import math
from collections.abc import Callable

import torch
from scipy.integrate import quad
from scipy.special import gammaln
from torch import Tensor

from vfe_lightning.result import Reference


def pair(u: Callable[[float], float], dim: int, stiffness: float, beta: float) -> Reference:
    """Two particles with any repulsive u(r), by one integral over their distance."""
    stretch = 0.5 * stiffness  # (k/2)(x_1^2 + x_2^2) = k R^2 + (k/4) r^2

    def action(r: float) -> float:
        return beta * (0.5 * stretch * r * r + u(r)) - (dim - 1) * math.log(r)

    reach = max(8 / math.sqrt(beta * stretch), 8.0)
    least = min(action(reach * i / 400) for i in range(1, 400))
    measure, moment = (
        quad(lambda r, f=f: f(r) * math.exp(least - action(r)), 0, reach, epsabs=0, epsrel=1e-12, limit=400)[
            0
        ]
        for f in (lambda r: 1.0, lambda r: 0.5 * stretch * r * r + u(r))
    )
    sphere = math.log(2) + dim / 2 * math.log(math.pi) - gammaln(dim / 2)  # 1 for 2 directions, 2 pi, 4 pi
    centre = dim / 2 * math.log(math.pi / (beta * stiffness))
    log_z = float(sphere + centre + math.log(measure) - least)
    energy = moment / measure + dim / (2 * beta)
    return Reference(-log_z / beta, energy, beta * energy + log_z)


def ginibre(n: int) -> Reference:
    """The log gas in two dimensions, H = sum x^2 - 2 sum ln r at beta = 1: eigenvalues of random matrices.

    Ginibre, J. Math. Phys. 6, 440 (1965): ln Z = n ln pi + sum_k ln k!. The energy is known from ln Z no
    more than from its derivative in the coupling.
    """
    return Reference(-(n * math.log(math.pi) + sum(math.lgamma(k + 1) for k in range(1, n + 1))))


def mehta(n: int, coupling: float) -> Reference:
    """The log gas on a line, H = sum x^2 / 2 - coupling sum ln r at beta = 1, by Mehta's integral.

    Mehta, Random matrices (2004), eq. 3.3.10. <ln r> by a central difference in the coupling.
    """

    def log_z(g: float) -> float:
        ratios = (float(gammaln(1 + j * g / 2) - gammaln(1 + g / 2)) for j in range(1, n + 1))
        return n / 2 * math.log(2 * math.pi) + sum(ratios)

    h = 1e-5 * max(coupling, 1.0)
    logarithms = (log_z(coupling + h) - log_z(coupling - h)) / (2 * h)
    trap = n / 2 + coupling * n * (n - 1) / 4
    energy = trap - coupling * logarithms
    return Reference(-log_z(coupling), energy, energy + log_z(coupling))


def log_gas_pair(coupling: float) -> float:
    """ln Z of two particles of the log gas in two dimensions, H = sum x^2 - coupling ln r, beta = 1."""
    half = coupling / 2 + 1
    return 2 * math.log(math.pi) - math.log(2) + math.lgamma(half) + half * math.log(2)


def mean_square_radius(n: int, dim: int, coupling: float) -> float:
    """<sum x^2> of the log gas at beta = 1, exact for any coupling, by the virial.

    H = k/2 sum x^2 - coupling sum ln r with k = 2 in two dimensions and k = 1 on a line.
    """
    stiffness = 2 if dim == 2 else 1
    return (dim * n + coupling * n * (n - 1) / 2) / stiffness


def ginibre_density(n: int, r: Tensor) -> Tensor:
    """Particles an area at distance r of the log gas of `ginibre`, elementwise."""
    k = torch.arange(n, dtype=torch.float64)
    logs = 2 * k * r[..., None].clamp(min=1e-300).log() - torch.lgamma(k + 1)
    return (logs - r[..., None].square()).exp().sum(dim=-1) / math.pi
