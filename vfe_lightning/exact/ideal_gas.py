r"""The canonical ideal Fermi gas: n fermions on given single-particle energies, exactly.

With w_k = -beta eps_k, the partition function of n fermions on the orbitals j, ..., M-1 is the
elementary symmetric polynomial e_n(exp w_j, ..., exp w_{M-1}); its logarithm obeys

    logE[m, j] = logaddexp(logE[m, j+1], w_j + logE[m-1, j+1]),

a sum of positive terms, exact to rounding at any n, where the recursion in alternating power
sums (Borrmann, Franke, J. Chem. Phys. 98, 2484 (1993)) loses all digits at n of order ten.
The same table draws the occupied set one sorted orbital at a time (`conditional_logits`).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]

EPSILON: Final = 2.0**-52


@dataclass(frozen=True)
class IdealGas:
    """Thermodynamics of the canonical ideal gas; totals, in the units of the energies given."""

    free_energy: float
    energy: float
    entropy: float  # in k_B
    occupations: Tensor  # (orbitals,), sum = n
    heat_capacity: float  # dE/dT = beta^2 Var E, in k_B
    log_z_error: float  # a bound on the rounding of ln Z = -beta F
    energy_error: float


def log_symmetric_polynomials(w: Tensor, n: int) -> Tensor:  # (..., orbitals) -> (..., n + 1, orbitals + 1)
    """logE[m, j] = log e_m(exp w_j, ..., exp w_{M-1}); -inf where m exceeds the M - j orbitals left.

    Differentiable in w: d logE[n, 0] / d w_k is the mean occupation of orbital k.
    """
    column = torch.zeros_like(w[..., :1])  # e_0 of no orbitals; a column holds only its finite entries, ...
    columns = [column]
    for w_j in reversed(w.split(1, dim=-1)):
        taken = w_j + column
        more = torch.logaddexp(column[..., 1:], taken[..., :-1])
        column = torch.cat([column[..., :1], more, taken[..., -1:]], dim=-1)[..., : n + 1]
        columns.append(column)
    # ... because the gradient of logaddexp(-inf, -inf) is NaN: the -inf enter as constants here.
    padded = [torch.nn.functional.pad(c, (0, n + 1 - c.shape[-1]), value=-math.inf) for c in columns]
    return torch.stack(padded[::-1], dim=-1)


def conditional_logits(w: Tensor, n: int) -> Tensor:  # (..., orbitals) -> (..., n, orbitals)
    """Logits of the sorted occupied orbitals k_0 < ... < k_{n-1}, one row an orbital.

    p(k_i = k | k_{i-1}) is proportional to exp(logits[i, k]) over k > k_{i-1}: orbital k is taken and
    n - i - 1 more come from those after it; -inf where too few are left.
    """
    return w[..., None, :] + log_symmetric_polynomials(w, n)[..., :n, 1:].flip(-2)


def ideal_gas(energies: Tensor, n: int, beta: float) -> IdealGas:  # (orbitals,) -> IdealGas
    """Exact thermodynamics of n fermions on the orbitals given.

    Every number is a sum of positive terms: the moments of E follow from the law of total variance
    along the recursion, not from derivatives or differences.

    Raises:
        ValueError: beta is not positive and finite, or not 1 <= n <= orbitals.
    """
    if not (math.isfinite(beta) and beta > 0):
        raise ValueError(f"beta = {beta} must be positive and finite; at T = 0 fill the n lowest orbitals")
    if not 1 <= n <= len(energies):
        raise ValueError(f"n = {n} fermions do not fit on {len(energies)} orbitals: need 1 <= n <= orbitals")
    levels = energies.detach().cpu().double().numpy()
    # Energies are counted from the ground state, so that a small entropy at low T keeps its digits.
    reference = np.sort(levels)[:n].mean()
    eps = levels - reference
    w = -beta * eps
    table = log_z_table(w, n)
    take = _take_probabilities(w, table)
    excitation, variance = _energy_moments(eps, take)
    log_z = float(table[0, n])
    ground = float(n * reference)
    # Each of the steps rounds a number of the order of the largest exponent on the way to ln Z; a change of
    # the exponents by delta moves E by their covariance, at most the spread of E times that of n delta.
    exponents = 1 + n + float(np.abs(np.sort(w)[-n:]).sum()) + beta * excitation
    error = len(w) * EPSILON * exponents
    return IdealGas(
        free_energy=ground - log_z / beta,
        energy=ground + excitation,
        entropy=log_z + beta * excitation,
        occupations=torch.from_numpy(_occupations(take)),
        heat_capacity=beta**2 * variance,
        log_z_error=error,
        energy_error=error * (math.sqrt(variance) + 1 / beta) + EPSILON * abs(ground),
    )


def log_z_table(w: Floats, n: int) -> Floats:  # (orbitals,) -> (orbitals + 1, n + 1)
    """The table of `log_symmetric_polynomials`, transposed, without derivatives in a tenth of the time."""
    table = np.full((len(w) + 1, n + 1), -np.inf)
    table[:, 0] = 0.0
    for j in reversed(range(len(w))):
        np.logaddexp(table[j + 1, 1:], w[j] + table[j + 1, :-1], out=table[j, 1:])
    return table


def _take_probabilities(w: Floats, table: Floats) -> Floats:  # -> (orbitals, n + 1)
    """take[j, m]: probability that orbital j is occupied when m fermions remain for orbitals >= j."""
    take = np.zeros_like(table[1:])
    met = np.isfinite(table[:-1, 1:])  # of no more fermions than orbitals
    exponents = w[:, None] + table[1:, :-1]
    take[:, 1:][met] = np.exp(exponents[met] - table[:-1, 1:][met])
    return take


def _energy_moments(eps: Floats, take: Floats) -> tuple[float, float]:
    mean = np.zeros(take.shape[1])  # (n + 1,): of the energy of m fermions on the orbitals >= j
    variance = np.zeros_like(mean)
    one_less = np.arange(-1, len(mean) - 1)
    leave = 1 - take
    for eps_j, p, q in zip(eps[::-1].tolist(), take[::-1], leave[::-1], strict=True):
        taken = eps_j + mean[one_less]
        # p[0] = 0 silences the wrap of the index
        variance = p * variance[one_less] + q * variance + p * q * (taken - mean) ** 2
        mean = p * taken + q * mean
    return float(mean[-1]), float(variance[-1])


def _occupations(take: Floats) -> Floats:  # (orbitals, n + 1) -> (orbitals,)
    return _remaining(take)[1].sum(axis=1)


def _remaining(take: Floats) -> tuple[Floats, Floats]:
    """The distribution of the fermions left at each orbital, and its part where that is occupied.

    Returns:
        (orbitals, n + 1) each.
    """
    remaining, moved, leave = np.zeros_like(take), np.empty_like(take), 1 - take
    remaining[0, -1] = 1.0
    for j, p in enumerate(take):
        moved[j] = p * remaining[j]
        if j + 1 < len(take):
            remaining[j + 1] = leave[j] * remaining[j]
            remaining[j + 1, :-1] += moved[j, 1:]
    return remaining, moved


def pair_occupations(w: Tensor, n: int) -> Tensor:
    """<n_k n_k'> of the canonical ideal gas at w = -beta eps: (orbitals,) -> (orbitals, orbitals).

    A chain along the orbitals, from each that is occupied: sums of positive terms at any temperature.
    """
    exponents = w.detach().cpu().double().numpy()
    exponents = exponents - np.sort(exponents)[-n:].mean()
    take = _take_probabilities(exponents, log_z_table(exponents, n))
    moved = _remaining(take)[1]
    pairs = np.zeros((len(w), len(w)))
    after = np.zeros((n + 1, len(w)))  # column k: what is left together with n_k = 1, for orbitals after k
    for j, p in enumerate(take):
        before = after[:, :j]
        taken = p[:, None] * before
        pairs[j, :j] = taken.sum(axis=0)
        before -= taken
        before[:-1] += taken[1:]
        pairs[j, j] = moved[j].sum()
        after[:-1, j] = moved[j, 1:]
    return torch.from_numpy(pairs + np.tril(pairs, -1).T)
