r"""Exact thermodynamics of classical particles in a harmonic trap, $H = \frac{k}{2} \sum x^2 + \sum u(r)$.

Densities are of labelled particles, without 1/N! and without a thermal wavelength.
"""

import math

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal
from scipy.special import digamma, gammaln
from torch import Tensor

from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.exact.cubic import positive_root
from vfe_lightning.result import Reference

MOST_PAIRED = 150  # particles in the plane of which <ln r> is summed in seconds


def two_charges(dim: int, stiffness: float, beta: float) -> Reference:
    r"""Two particles that repel with 1 / r, by one integral over their distance.

    With tau = ln(r / r_0), r_0 the distance at the maximum of the density of tau, its logarithm is
    -A h(2 tau) - B h(-tau) with h(x) = e^x - 1 - x: at any temperature a peak of its own width.
    """
    r = positive_root(2 * dim / (beta * stiffness), 2 / stiffness)
    A, B = beta * stiffness / 4 * r * r, beta / r
    width = 1 / math.sqrt(4 * A + B)

    def moments(step: float, reach: float) -> np.ndarray:
        """ln of the integral over tau, and the mean of beta (U - U_0)."""
        tau = step * np.arange(-math.ceil(reach / step), math.ceil(reach / step) + 1)
        density = np.exp(-A * _beyond_linear(2 * tau) - B * _beyond_linear(-tau))
        with np.errstate(over="ignore", invalid="ignore"):
            rise = np.where(density > 0, A * np.expm1(2 * tau) + B * np.expm1(-tau), 0.0)
        z = density.sum()
        return np.array([math.log(step * z), (density * rise).sum() / z])

    # the density decays as e^(dim tau) at least, and faster than a normal one of this width above
    step, reach = min(0.5 * width, 0.1), 12 * width + 45 / dim
    reach = min(reach, 60 * width * (1 + width))
    found, other = moments(step, reach), moments(1.3 * step, 1.5 * reach)
    log_integral, rise = found
    sphere = math.log(2) + dim / 2 * math.log(math.pi) - float(gammaln(dim / 2))  # 2 pi, 4 pi
    centre = dim / 2 * (math.log(math.pi) - math.log(beta) - math.log(stiffness))
    lowest = (A + B) / beta
    terms = (sphere, centre, dim * math.log(r), log_integral, rise, dim / 2)
    rounding = 8 * EPSILON * sum(map(abs, terms))
    log_error, rise_error = np.abs(found - other) + rounding
    entropic = sphere + centre + dim * math.log(r) + log_integral
    return Reference(
        lowest - entropic / beta,
        lowest + (rise + dim / 2) / beta,
        entropic + rise + dim / 2,
        free_energy_error=log_error / beta + 8 * EPSILON * lowest,
        energy_error=rise_error / beta + 8 * EPSILON * lowest,
        entropy_error=log_error + rise_error,
    )


def _beyond_linear(x: np.ndarray) -> np.ndarray:
    """e^x - 1 - x without cancellation."""
    with np.errstate(over="ignore"):
        series = x * x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6 * (1 + x / 7)))))
        return np.where(np.abs(x) < 0.02, series, np.expm1(x) - x)


def ginibre(n: int) -> Reference:
    r"""The log gas in two dimensions, H = sum x^2 - 2 sum ln r at beta = 1: eigenvalues of random matrices.

    Ginibre, J. Math. Phys. 6, 440 (1965): ln Z = n ln pi + sum_k ln k!. The density is that of free fermions
    in the orbitals z^k. Two of them, j and k, are at the relative angular momentum m with the squared
    coefficients of the rotation by pi / 2 of the spin (j + k) / 2, where <ln r> = [ln 2 + psi(m + 1)] / 2.
    E up to n = 150.
    """
    terms = [math.lgamma(k + 1) for k in range(1, n + 1)]
    log_z = n * math.log(math.pi) + sum(terms)
    error = 4 * EPSILON * n * abs(log_z)
    if n > MOST_PAIRED:
        return Reference(-log_z, free_energy_error=error)
    logarithms = 0.0
    for total in range(1, 2 * n - 2):
        j = np.arange(total + 1)
        _, vectors = eigh_tridiagonal(np.zeros(total + 1), np.sqrt((j[:-1] + 1) * (total - j[:-1])) / 2)
        odd = j % 2 == 1  # fermions; the eigenvalues of J_x rise with total / 2 - m
        mean = 0.5 * (math.log(2) + digamma(j + 1))
        relative = 2 * vectors[:, ::-1].T[odd] ** 2
        pairs = (j < total - j) & (total - j < n)
        logarithms += float((mean[odd] @ relative)[pairs].sum())
    trap = mean_square_radius(n, 2, 2.0)
    energy = trap - 2 * logarithms
    energy_error = 16 * EPSILON * n * (trap + 2 * n * n * math.log(2 * n))
    return Reference.thermal(log_z, energy, 1.0, error, energy_error)


def mehta(n: int, coupling: float) -> Reference:
    """The log gas on a line, H = sum x^2 / 2 - coupling sum ln r at beta = 1, by Mehta's integral.

    Mehta, Random matrices (2004), eq. 3.3.10; <ln r> is its derivative in the coupling.
    """
    j, half = np.arange(1, n + 1), coupling / 2
    ratios = gammaln(1 + j * half) - gammaln(1 + half)
    slopes = (j * digamma(1 + j * half) - digamma(1 + half)) / 2
    sizes = np.abs(gammaln(1 + j * half)) + abs(float(gammaln(1 + half))) + j
    log_z = n / 2 * math.log(2 * math.pi) + float(ratios.sum())
    trap = mean_square_radius(n, 1, coupling) / 2
    energy = trap - coupling * float(slopes.sum())
    slope_sizes = j * (np.abs(digamma(1 + j * half)) + abs(float(digamma(1 + half))) + 1)
    error = 8 * EPSILON * (n + float(sizes.sum()))
    energy_error = 8 * EPSILON * (trap + coupling * float(slope_sizes.sum()))
    return Reference.thermal(log_z, energy, 1.0, error, energy_error)


def log_gas_pair(coupling: float) -> Reference:
    """Two particles of the log gas in two dimensions, H = sum x^2 - coupling ln r, beta = 1."""
    half = coupling / 2 + 1
    terms = (2 * math.log(math.pi) - math.log(2), math.lgamma(half), half * math.log(2))
    logarithm = 0.5 * (float(digamma(half)) + math.log(2))
    trap = mean_square_radius(2, 2, coupling)
    return Reference.thermal(
        sum(terms),
        trap - coupling * logarithm,
        1.0,
        8 * EPSILON * (1 + sum(map(abs, terms))),
        8 * EPSILON * (trap + coupling * (abs(logarithm) + 1)),
    )


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
