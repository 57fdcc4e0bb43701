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

import torch
from torch import Tensor

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
    energies = energies.detach().to(torch.float64)
    # Energies are counted from the ground state, so that a small entropy at low T keeps its digits.
    reference = energies.sort().values[:n].mean()
    eps = energies - reference
    w = -beta * eps
    table = log_symmetric_polynomials(w, n)
    take = take_probabilities(w, table)
    excitation, variance = _energy_moments(eps, take)
    log_z = float(table[n, 0])
    ground = float(n * reference)
    # Each of the steps rounds a number of the order of the largest exponent on the way to ln Z; a change of
    # the exponents by delta moves E by their covariance, at most the spread of E times that of n delta.
    exponents = 1 + n + float(w.sort(descending=True).values[:n].abs().sum()) + beta * excitation
    error = len(w) * EPSILON * exponents
    return IdealGas(
        free_energy=ground - log_z / beta,
        energy=ground + excitation,
        entropy=log_z + beta * excitation,
        occupations=_occupations(take),
        heat_capacity=beta**2 * variance,
        log_z_error=error,
        energy_error=error * (math.sqrt(variance) + 1 / beta) + EPSILON * abs(ground),
    )


def take_probabilities(w: Tensor, table: Tensor) -> Tensor:  # -> (n + 1, orbitals)
    """take[m, j]: probability that orbital j is occupied when m fermions remain for orbitals >= j."""
    take = torch.zeros_like(table[:, 1:])
    take[1:] = torch.exp(w + table[:-1, 1:] - table[1:, :-1])
    return take.nan_to_num(nan=0.0)  # -inf - (-inf): a state with more fermions than orbitals, never met


def _energy_moments(eps: Tensor, take: Tensor) -> tuple[float, float]:
    mean = torch.zeros_like(take[:, 0])  # (n + 1,): of the energy of m fermions on the orbitals >= j
    variance = torch.zeros_like(mean)
    for eps_j, p in zip(reversed(eps.unbind()), reversed(take.unbind(dim=1)), strict=True):
        taken = eps_j + mean.roll(1)
        spread = p * (1 - p) * (taken - mean) ** 2
        variance = p * variance.roll(1) + (1 - p) * variance + spread  # p[0] = 0 silences the roll's wrap
        mean = p * taken + (1 - p) * mean
    return float(mean[-1]), float(variance[-1])


def _occupations(take: Tensor) -> Tensor:  # (n + 1, orbitals) -> (orbitals,)
    remaining = torch.zeros_like(take[:, 0])  # (n + 1,): distribution of the fermions left at orbital j
    remaining[-1] = 1.0
    occupations = []
    for p in take.unbind(dim=1):
        moved = p * remaining
        occupations.append(moved.sum())
        remaining = (1 - p) * remaining + moved.roll(-1)
    return torch.stack(occupations)


def pair_occupations(w: Tensor, n: int) -> Tensor:
    """<n_k n_k'> of the canonical ideal gas at w = -beta eps: (orbitals,) -> (orbitals, orbitals).

    A chain along the orbitals, from each that is occupied: sums of positive terms at any temperature.
    """
    w = w - w.sort(descending=True).values[:n].mean()
    take = take_probabilities(w, log_symmetric_polynomials(w, n))
    pairs = w.new_zeros(len(w), len(w))
    remaining = torch.zeros_like(take[:, 0])  # (n + 1,): distribution of the fermions left at orbital j
    remaining[-1] = 1.0
    after = w.new_zeros(len(w), n + 1)  # row k: the same together with n_k = 1, for orbitals after k
    for j, p in enumerate(take.unbind(dim=1)):
        pairs[:j, j] = after[:j] @ p
        after[:j] = (1 - p) * after[:j] + (p * after[:j]).roll(-1, dims=1)
        moved = p * remaining
        pairs[j, j] = moved.sum()
        after[j] = moved.roll(-1)
        remaining = (1 - p) * remaining + moved.roll(-1)
    return pairs + pairs.triu(1).mT
