r"""Exact free energy of 2 or 3 polarised electrons in the periodic box, by diagonalisation.

With u = (2 pi / L)^2, xi the Madelung constant and e_a the levels of H_rel (`relative_motion.py`),

    F = -1/beta ln sum_Q exp(-beta u |Q + n twist|^2 / n) sum_a exp(-beta e_a[Q mod n]) + n (r_s/L) xi.

At a cutoff E_c of the relative kinetic energy H keeps, above E_c, its diagonal only, so F(E_c) is an
upper bound (Peierls-Bogoliubov) that falls with E_c, and is exact at r_s = 0. Two polarised electrons
meet with psi ~ r (1 + const r_s r), whose Fourier tail k^-(dim + 2) is missing above E_c: at
k = E_c^(1/2) the energy converges as k^-(dim + 2) (3D, k^-5: W. Kutzelnigg, J. D. Morgan, J. Chem.
Phys. 96, 4484 (1992); 2D, k^-4: the same argument). In the number of determinants
M ~ E_c^(dim (n-1)/2), which follows the discrete shells more closely than E_c does,

    F(E_c) = F + a x + ...,   x = M^(-(dim + 2) / (dim (n - 1))).
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from vfe_lightning.exact.relative_motion import (
    Momentum,
    coupling,
    determinants,
    diagonal,
    kinetic,
    relative_levels,
    representative,
)
from vfe_lightning.hamiltonians.ewald import Ewald
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy

Floats = NDArray[np.float64]

# Largest relative kinetic energy, in (2 pi / L)^2: seconds (n = 2) to a minute (n = 3) on one core.
DEFAULT_CUTOFF = {(2, 2): 800.0, (2, 3): 160.0, (3, 2): 100.0, (3, 3): 32.0}
_SMALLEST_CUTOFF = 8.0
_HOTTEST_CUTOFF = 100.0  # levels above the cutoff are listed up to here: millions of determinants
_THERMAL_TAIL = 45.0  # exp(-45) = 3e-20 times the number of levels is below rounding


@dataclass(frozen=True)
class RelativeSpectrum:
    """Levels of the relative motion at a rising sequence of cutoffs; serves every theta and twist."""

    n: int
    dim: int
    rs: float
    cutoffs: tuple[float, ...]  # in (2 pi / L)^2
    levels: dict[Momentum, tuple[Floats, ...]]  # class -> ascending levels per cutoff, in (2 pi / L)^2

    @property
    def unit(self) -> float:
        """(2 pi / L)^2 in Ry / r_s^2."""
        return (2 * math.pi / box_length(self.n, self.dim)) ** 2

    @property
    def coupling(self) -> float:
        """g = r_s L / (2 pi^2) = (2 r_s / L) / (2 pi / L)^2."""
        return coupling(self.n, self.dim, self.rs)


@dataclass(frozen=True)
class Diagonalization:
    """Totals of n electrons in Ry / r_s^2 (entropy in k_B), at infinite cutoff, with error estimates."""

    free_energy: float
    energy: float
    entropy: float
    free_energy_error: float
    energy_error: float
    entropy_error: float
    bound: float  # F at the largest cutoff: a rigorous upper bound of F
    cutoffs: tuple[float, ...]  # in (2 pi / L)^2


def diagonalize(
    n: int, dim: int, rs: float, theta: float, twist: tuple[float, ...], cutoff: float | None = None
) -> Diagonalization:
    """Interacting F, E, S of n = 2 or 3 polarised electrons at temperature theta T_F.

    Args:
        twist: of the momenta, in units of 2 pi / L, one component an axis.
        cutoff: of the relative kinetic energy, in (2 pi / L)^2; the default is at full accuracy.

    Raises:
        ValueError: parameters out of range, or theta too hot for the levels that can be listed.
    """
    return thermodynamics(relative_spectrum(n, dim, rs, cutoff), theta, twist)


def relative_spectrum(n: int, dim: int, rs: float, cutoff: float | None = None) -> RelativeSpectrum:
    """Levels at six cutoffs from cutoff/2 to cutoff. The expensive half of `diagonalize`."""
    if n not in (2, 3) or dim not in (2, 3):
        raise ValueError(f"diagonalisation is for n and dim of 2 or 3, not n = {n}, dim = {dim}")
    if not (math.isfinite(rs) and rs >= 0):
        raise ValueError(f"rs = {rs} must be finite and not negative")
    cutoff = DEFAULT_CUTOFF[n, dim] if cutoff is None else cutoff
    if not (math.isfinite(cutoff) and cutoff >= _SMALLEST_CUTOFF):
        raise ValueError(f"cutoff = {cutoff} leaves too few determinants: take {_SMALLEST_CUTOFF} or more")
    cutoffs = tuple(float(c) for c in np.linspace(cutoff / 2, cutoff, 6))
    g = coupling(n, dim, rs)
    levels = {
        total: tuple(relative_levels(n, total, g, c) for c in cutoffs)
        for total in itertools.combinations_with_replacement(range(n // 2 + 1), dim)
    }
    return RelativeSpectrum(n, dim, rs, cutoffs, levels)


def thermodynamics(spectrum: RelativeSpectrum, theta: float, twist: tuple[float, ...]) -> Diagonalization:
    """F, E, S of a spectrum at temperature theta T_F; arguments and errors as for `diagonalize`."""
    n, dim, rs = spectrum.n, spectrum.dim, spectrum.rs
    if not (math.isfinite(theta) and theta > 0):
        raise ValueError(f"theta = {theta} must be positive and finite")
    if len(twist) != dim:
        raise ValueError(f"twist = {twist} needs one component for each of the {dim} axes")
    beta = 1 / (theta * fermi_energy(dim))
    b = beta * spectrum.unit
    relative = {total: _relative_sums(spectrum, total, b) for total in spectrum.levels}
    log_z, e = [], []  # (classes, estimates)
    for momentum in itertools.product(range(n), repeat=dim):
        centre_log_z, centre_e = _centre_of_mass_sums(n, momentum, twist, b)
        relative_log_z, relative_e = relative[representative(momentum, n)]
        log_z.append(centre_log_z + relative_log_z)
        e.append(centre_e + relative_e)
    total = np.asarray(logsumexp(log_z, axis=0))
    madelung = n * rs / box_length(n, dim) * Ewald(dim).madelung
    energy = spectrum.unit * (np.exp(log_z - total) * e).sum(axis=0) + madelung
    free_energy = madelung - total / beta
    estimates = np.stack([free_energy, energy, beta * (energy - free_energy)])  # (3, estimates)
    errors = np.abs(estimates[:, 1:3] - estimates[:, :1]).max(axis=1)
    return Diagonalization(
        *estimates[:, 0].tolist(), *errors.tolist(), bound=float(free_energy[3]), cutoffs=spectrum.cutoffs
    )


def _relative_sums(spectrum: RelativeSpectrum, total: Momentum, b: float) -> Floats:
    """ln Z and mean energy of the relative motion of a class at beta (2 pi / L)^2 = b.

    Returns:
        (2, 4): extrapolated with x from all cutoffs, with x and the next power of 1/k, with x from the
        upper half of the cutoffs, and as found at the largest cutoff. The first is the estimate, its
        distance to the second and third the error. Linear in the data, so E = -d ln Z / d b stays true.
    """
    levels, n, dim = spectrum.levels[total], spectrum.n, spectrum.dim
    edge = max(spectrum.cutoffs[-1], _THERMAL_TAIL / b)
    if edge > max(spectrum.cutoffs[-1], _HOTTEST_CUTOFF):
        raise ValueError(
            f"the temperature needs determinants up to {edge:.0f} (2 pi / L)^2, above {_HOTTEST_CUTOFF:.0f}: "
            "lower theta or raise the cutoff to it"
        )
    sets = determinants(n, total, edge)
    e_kinetic = kinetic(sets)
    e_diagonal = diagonal(sets, spectrum.coupling)
    sums = []
    for cutoff, inside in zip(spectrum.cutoffs, levels, strict=True):
        e = np.concatenate([inside, e_diagonal[e_kinetic > cutoff + 1e-9]])
        log_z = float(np.asarray(logsumexp(-b * e)))
        sums.append((log_z, np.exp(-b * e - log_z) @ e))
    size = np.array([len(inside) for inside in levels], dtype=np.float64)
    k = size[-1:] ** (-1 / (dim * (n - 1))) * size ** (1 / (dim * (n - 1)))  # 1 at the largest cutoff
    x, y = k ** -(dim + 2), k ** -(dim + 3)
    weights = np.zeros((4, len(size)))
    weights[0] = _intercept(x[:, None])
    weights[1] = _intercept(np.stack([x, y], axis=1))
    weights[2, -3:] = _intercept(x[-3:, None])
    weights[3, -1] = 1.0
    return (weights @ np.array(sums)).T


def _intercept(terms: Floats) -> Floats:  # (cutoffs, terms) -> (cutoffs,)
    """Weights of the data in the constant of a least-squares fit with the terms."""
    design = np.concatenate([np.ones((len(terms), 1)), terms], axis=1)
    if np.linalg.matrix_rank(design) < design.shape[1]:  # low cutoffs may share their shells
        return _intercept(terms[:, :-1])
    return np.linalg.pinv(design)[0]


def _centre_of_mass_sums(
    n: int, momentum: Momentum, twist: tuple[float, ...], b: float
) -> tuple[float, float]:
    """ln Z and mean energy of |Q + n twist|^2 / n over all integer Q = momentum mod n; axes factorise."""
    reach = math.ceil(math.sqrt(_THERMAL_TAIL / (b * n))) + 2
    log_z = energy = 0.0
    for q, t in zip(momentum, twist, strict=True):
        start = q + n * t - n * round(q / n + t)  # the smallest of the values q + n t + n j
        e = (start + n * np.arange(-reach, reach + 1)) ** 2 / n
        axis_log_z = float(np.asarray(logsumexp(-b * e)))
        log_z += axis_log_z
        energy += float(np.exp(-b * e - axis_log_z) @ e)
    return log_z, energy
