r"""The XY model on small square tori, exactly, by the transfer matrix of its dual.

$e^{K \cos \Delta} = \sum_n I_n(K) e^{i n \Delta}$ on every bond and the integral over all angles leave
integer currents n that are conserved at every site, with positive weights: Jose, Kadanoff, Kirkpatrick &
Nelson, Phys. Rev. B 16, 1217 (1977),

$$ Z = (2 \pi)^{L^2} \sum_{\nabla \cdot n = 0} \prod_{bonds} I_n(K), \quad K = \beta J. $$

A state is the L currents from one row to the next; their sum, the winding W, is the same for all rows.
Currents beyond N are left out. With imaginary twists t on the bonds, $\langle e^{t \cdot n} \rangle \le
\exp K \sum (\cosh t - 1)$, where t may be changed by any gradient: Chernoff's bound on what is left out.
"""

import math
from bisect import bisect_left
from functools import lru_cache

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import ive
from torch import Tensor

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.result import Reference

MOST_STATES = 3500  # of one winding: matrices of 100 MiB
LARGEST = 200  # current
MOST_NUMBERS = 3e8  # in the matrices of all windings: about a minute
ENOUGH = 1e-12  # what is left out of Z: about what rounding takes from it
FEW = 1e-6  # what may be left out of Z, and the bound on what is left out of E / J that is worth to be said
BESSEL = 1e-13  # a bound on the relative error of scipy's I_n
SCALES = np.linspace(0.2, 1.0, 33)


def square(L: int, beta: float, J: float = 1.0) -> Reference:
    """F, E and S of the L x L torus, with bounds.

    Raises:
        NotKnown: too large or too cold.
    """
    K = beta * J
    N, left_out, of_slope = cutoff(L, K)
    (total, slope), *others = (_sum_and_slope(L, K, N, W) for W in range(1 + _windings(L, K, N)))
    total += 2 * sum(z for z, _ in others)
    slope = (slope + 2 * sum(s for _, s in others)) / total
    log_z = L * L * (2 * K + math.log(2 * math.pi)) + math.log(total)
    # products of 2 L^2 weights, and sums of positive numbers only
    rounding = 2 * L * L * BESSEL + 2 * L * (MOST_STATES + 4 * N) * EPSILON
    log_z_error = 2 * left_out + rounding + 4 * EPSILON * abs(log_z)
    of_slope = of_slope if of_slope < FEW * L * L else math.inf
    energy_error = J * (of_slope + 2 * slope * (left_out + rounding))
    return Reference.thermal(log_z, -J * slope, beta, log_z_error, energy_error)


def helicity_modulus(L: int, beta: float, J: float = 1.0) -> float:
    """The stiffness against a twist, <W^2> / beta: Pollock & Ceperley, Phys. Rev. B 36, 8343 (1987).

    Raises:
        NotKnown: too large or too cold.
    """
    K = beta * J
    N, _, _ = cutoff(L, K)
    weights = [_sum_and_slope(L, K, N, W)[0] for W in range(1 + _windings(L, K, N))]
    total = weights[0] + 2 * sum(weights[1:])
    return 2 * sum(W * W * z for W, z in enumerate(weights)) / total / beta


def cutoff(L: int, K: float) -> tuple[int, float, float]:
    """The largest current, and bounds on the share of Z that is left out and on that of d ln Z / dK.

    Raises:
        NotKnown: no largest current that leaves out little has a matrix that is small enough.
    """
    largest = max((N for N in range(1, LARGEST) if _count(L, N) <= MOST_STATES), default=0)
    if not largest:
        raise NotKnown(f"L = {L}: the XY model is known for smaller lattices")

    def too_few(N: int) -> bool:
        return _left_out(L, K, N + 1)[0] > ENOUGH

    N = 1
    while N < largest and too_few(N):
        N = min(2 * N, largest)
    N = min(bisect_left(range(N), True, lo=max(N // 2, 1), key=lambda fewer: not too_few(fewer)), N)
    share, of_slope = _left_out(L, K, N + 1)
    if share > FEW or (1 + _windings(L, K, N)) * _count(L, N) ** 2 > MOST_NUMBERS:
        raise NotKnown(f"L = {L} at beta J = {K:g}: the XY model is known for smaller or hotter lattices")
    return N, share, of_slope


def _left_out(L: int, K: float, N: int) -> tuple[float, float]:
    """Of configurations with a current of N or more on some bond, by the best twists."""
    bonds = lattices.bonds(L, lattices.SQUARE).numpy()

    def twists(x: np.ndarray) -> np.ndarray:
        t = x[bonds[:, 1] + 1] - x[bonds[:, 0] + 1]
        t[0] += x[0]
        return t

    def cost(x: np.ndarray) -> tuple[float, np.ndarray]:
        t = twists(x)
        slope = np.zeros_like(x)
        np.add.at(slope, bonds[:, 1] + 1, K * np.sinh(t))
        np.add.at(slope, bonds[:, 0] + 1, -K * np.sinh(t))
        slope[0] = K * math.sinh(t[0]) - N
        return K * (np.cosh(t) - 1).sum() - x[0] * N, slope

    start = np.zeros(L * L + 1)
    start[0] = math.asinh(N / K)
    x = minimize(cost, start, jac=True, method="BFGS").x
    counts, slopes = [], []
    for scale in SCALES:  # the best twists for Z are not the best ones for its derivative
        t = twists(scale * x)
        chance = cost(scale * x)[0] + math.log(4 * L * L)  # of any bond, and of both directions
        # I_n' <= (1 + n / K) I_n, and n <= e^(n - 1): one more twist on one bond
        more = K * (np.cosh(t + 1) - np.cosh(t)), K * (np.cosh(t - 1) - np.cosh(t))
        counts.append(chance)
        logs = np.concatenate([np.zeros(len(t)), *(m - 1 - math.log(K) for m in more)])
        slopes.append(chance + np.logaddexp.reduce(logs))
    return math.exp(min(0.0, *counts)), float(np.exp(min(slopes)))


def _windings(L: int, K: float, N: int) -> int:
    """The largest winding that is not negligible: all vertical bonds share its twist."""
    for W in range(1, L * N):
        t = math.asinh((W + 1) / (L * K))
        if L * L * K * (math.cosh(t) - 1) - t * L * (W + 1) < math.log(ENOUGH / 4):
            return W
    return L * N


def _count(L: int, N: int) -> int:
    """States of no winding: ways to make L N of L numbers from 0 to 2 N."""
    spans = range(L // 2 + 1)
    return sum(
        (-1) ** k * math.comb(L, k) * math.comb(L * N + L - 1 - k * (2 * N + 1), L - 1)
        for k in spans
        if k * (2 * N + 1) <= L * N
    )


def _sum_and_slope(L: int, K: float, N: int, W: int) -> tuple[float, float]:
    """Sum over all currents of one winding of products of e^-K I_n, and its derivative at fixed e^-K."""
    states, (weights, rows) = _states(L, N, W), _weights_and_rows(L, K, N)
    representatives, copies = _up_to_symmetry(states, N)
    # horizontal currents follow from one of them and the differences of the vertical ones: (states, states)
    place = (4 * N + 1) ** torch.arange(L - 1)
    code = states[:, : L - 1] @ place
    index = code[:, None] - code + 2 * N * place.sum()

    def trace(w: Tensor, rows: Tensor) -> Tensor:
        row = rows[index]
        vertical = w[states + N].prod(dim=1)
        power = row[:, representatives]
        for _ in range(L - 2):
            power = row @ (vertical[:, None] * power)
        closed = (vertical[:, None] * power * row[:, representatives]).sum(dim=0)
        return (copies * vertical[representatives] * closed).sum()

    value, slope = torch.func.jvp(trace, *zip(weights, rows, strict=True))[:2]
    return value.item(), slope.item()


@lru_cache(maxsize=1)  # they are those of all windings
def _weights_and_rows(L: int, K: float, N: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """e^-K I_n of the currents |n| <= N, with their derivatives, and the sums of `_rows` with theirs."""
    n = abs(np.arange(-N, N + 1))
    both = torch.from_numpy(ive(n, K)), torch.from_numpy((ive(abs(n - 1), K) + ive(n + 1, K)) / 2)
    return both, torch.func.jvp(lambda w: _rows(w, L, N), both[:1], both[1:])[:2]


def _states(L: int, N: int, W: int) -> Tensor:
    """L currents of at most N whose sum is W: (states, L)."""
    states = torch.cartesian_prod(*[torch.arange(-N, N + 1)] * (L - 1)).view(-1, L - 1)
    last = W - states.sum(dim=1, keepdim=True)
    return torch.cat([states, last], dim=1)[(last.abs() <= N)[:, 0]]


def _up_to_symmetry(states: Tensor, N: int) -> tuple[Tensor, Tensor]:
    """One state of each class of shifts and reflections of a row, and how many are in it: (classes,) each."""
    L = states.shape[1]
    place = (2 * N + 1) ** torch.arange(L)
    images = [torch.roll(s, k, dims=1) for s in (states, states.flip(1)) for k in range(L)]
    codes = torch.stack([(image + N) @ place for image in images])
    found, copies = codes.amin(dim=0).unique(return_counts=True)
    position = torch.empty((2 * N + 1) ** L, dtype=torch.long)
    position[codes[0]] = torch.arange(len(states))
    return position[found], copies


def _rows(w: Tensor, L: int, N: int) -> Tensor:
    """Sum over the L currents along a row for all differences of those across it: ((4 N + 1)^(L - 1),)."""
    differences = torch.cartesian_prod(*[torch.arange(-2 * N, 2 * N + 1)] * (L - 1)).view(-1, L - 1).flip(1)
    steps = torch.cat([torch.zeros(len(differences), 1, dtype=torch.long), differences.cumsum(dim=1)], dim=1)
    currents = steps[:, None] + torch.arange(-N, N + 1)[:, None]
    padded = torch.cat([w, w.new_zeros(1)])
    return padded[torch.where(currents.abs() <= N, currents + N, 2 * N + 1)].prod(dim=2).sum(dim=1)
