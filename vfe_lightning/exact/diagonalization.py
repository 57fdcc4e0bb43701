r"""Exact free energy of 2 or 3 electrons in the periodic box, by diagonalisation.

With u = (2 pi / L)^2, xi the Madelung constant and e_a the levels of H_rel (`relative_motion.py`),

    F = -1/beta ln sum_Q exp(-beta u |Q + n twist|^2 / n) sum_a exp(-beta e_a[Q mod n]) + n (r_s/L) xi.

At a cutoff E_c of the relative kinetic energy H keeps, above E_c, its diagonal only, so F(E_c) is an
upper bound (Peierls-Bogoliubov) that falls with E_c, and is exact at r_s = 0. Two polarised electrons
meet with psi ~ r (1 + const r_s r), whose Fourier tail k^-(dim + 2) is missing above E_c: at
k = E_c^(1/2) the energy converges as k^-(dim + 2) (3D, k^-5: W. Kutzelnigg, J. D. Morgan, J. Chem.
Phys. 96, 4484 (1992); 2D, k^-4: the same argument). In the number of determinants
M ~ E_c^(dim (n-1)/2), which follows the discrete shells more closely than E_c does,

    F(E_c) = F + a x + ...,   x = M^(-(dim + 2) / (dim (n - 1))).

Two of opposite spins meet with psi ~ 1 + kappa r, whose tail is longer by one power of k, and its square by
two: x = M^(-dim / (dim (n - 1))), the slow convergence of the correlation cusp.
"""

import functools
import itertools
import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from vfe_lightning.declarations.twist import Twists
from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.ideal_gas import EPSILON
from vfe_lightning.exact.relative_motion import Momentum, determinants, diagonal, kinetic, representative
from vfe_lightning.exact.relative_spectrum import RelativeSpectrum, relative_spectrum
from vfe_lightning.exact.twist_average import averaged
from vfe_lightning.hamiltonians.ewald import Ewald
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy
from vfe_lightning.result import Reference

Floats = NDArray[np.float64]

_MOST_LISTED = 6e6  # determinants above the cutoff that are tried
_THERMAL_TAIL = 40.0  # exp(-40) = 4e-18 times the number of levels is below rounding
NO_ENTROPY = 0.1  # k_B in all, an error of S that leaves nothing to compare with
_EWALD = 1e-10  # error of the Madelung constant, which is of order one


@dataclass(frozen=True)
class Diagonalization:
    """Totals of n electrons in Ry / r_s^2 (entropy in k_B), at infinite cutoff, with bounds on their errors.

    The bounds are three times the scatter of three extrapolations, and no less than what these add to the
    largest cutoff, for F of equal spins a third of it: they held in all comparisons with larger cutoffs, but
    are no theorem.
    """

    free_energy: float
    energy: float
    entropy: float
    free_energy_error: float
    energy_error: float
    entropy_error: float
    bound: float  # F at the largest cutoff: a rigorous upper bound of F
    cutoffs: tuple[float, ...]  # in (2 pi / L)^2

    @property
    def reference(self) -> Reference:
        """Without S where the levels are not exact enough for any, in the cold."""
        f = fields(Reference)
        known = {x.name: getattr(self, x.name) for x in f if not x.name.startswith("heat")}
        if self.entropy_error > NO_ENTROPY:
            known |= {"entropy": None, "entropy_error": 0.0}
        return Reference(**known)


def diagonalize(
    n_up: int,
    dim: int,
    rs: float,
    theta: float,
    twist: Twists,
    cutoff: float | None = None,
    n_down: int = 0,
) -> Diagonalization:
    """Interacting F, E, S of 2 or 3 electrons, at most one of spin down, at temperature theta T_F.

    Args:
        twist: of the momenta, in units of 2 pi / L, one component an axis; of several twists the mean.
        cutoff: of the relative kinetic energy, in (2 pi / L)^2; the default is at full accuracy.

    Raises:
        ValueError: parameters out of range.
        NotKnown: theta is too hot for the levels that can be listed.
    """
    return thermodynamics(relative_spectrum(n_up, dim, rs, cutoff, n_down), theta, twist)


def thermodynamics(spectrum: RelativeSpectrum, theta: float, twist: Twists) -> Diagonalization:
    """F, E, S of a spectrum at temperature theta T_F; arguments and errors as for `diagonalize`."""
    n, dim, rs = spectrum.n, spectrum.dim, spectrum.rs
    if not (math.isfinite(theta) and theta > 0):
        raise ValueError(f"theta = {theta} must be positive and finite")
    if isinstance(twist, tuple) and len(twist) != dim:
        raise ValueError(f"twist = {twist} needs one component for each of the {dim} axes")
    beta = 1 / (theta * fermi_energy(dim, (n - spectrum.n_down) / n))
    b = beta * spectrum.unit
    relative = {total: _relative_sums(spectrum, total, b) for total in spectrum.levels}
    madelung = n * rs / box_length(n, dim) * Ewald(dim).madelung

    def at(twist: tuple[float, ...]) -> Floats:
        """F, E, S and the largest of the exponents: (4, estimates)."""
        log_z, e = [], []  # (classes, estimates)
        for momentum in itertools.product(range(n), repeat=dim):
            centre_log_z, centre_e = centre_of_mass_sums(n, momentum, twist, b)
            relative_log_z, relative_e = relative[representative(momentum, n)]
            log_z.append(centre_log_z + relative_log_z)
            e.append(centre_e + relative_e)
        total = np.asarray(logsumexp(log_z, axis=0))
        energy = spectrum.unit * (np.exp(log_z - total) * e).sum(axis=0) + madelung
        free_energy = madelung - total / beta
        largest = np.full_like(total, np.abs(log_z).max())
        return np.stack([free_energy, energy, beta * (energy - free_energy), largest])

    mean, missed = averaged(at, twist, dim)
    estimates, exponent = mean[:3], mean[3, 0]
    apart = np.abs(estimates - estimates[:, :1])
    # E and S hang on differences of levels, of which three extrapolations may all think alike
    share = (
        1.0 if spectrum.n_down else 1 / 3
    )  # of F, whose power of the cutoff is soon reached by equal spins
    errors = np.maximum(3 * apart[:, 1:3].max(axis=1), apart[:, 3] * np.array([share, 1, 1]))
    errors = errors + _EWALD * abs(rs) * n * np.array([1, 1, 0]) + EPSILON * n**dim * np.abs(estimates[:, 0])
    # weights of levels are as exact as -beta E, a large number in the cold, which S multiplies once more
    noise = EPSILON * float(exponent) * np.abs(estimates[1]).max()
    errors = errors + np.array([0.0, noise, beta * noise]) + missed[:3, 0]
    bound = float(estimates[0, 3])
    return Diagonalization(*estimates[:, 0].tolist(), *errors.tolist(), bound=bound, cutoffs=spectrum.cutoffs)


def _relative_sums(spectrum: RelativeSpectrum, total: Momentum, b: float) -> Floats:
    """ln Z and mean energy of the relative motion of a class at beta (2 pi / L)^2 = b.

    Returns:
        (2, 4): extrapolated with x from all cutoffs, with x and the next power of 1/k, with x from the
        upper half of the cutoffs, and as found at the largest cutoff. The first is the estimate, the others
        tell its error. Linear in the data, so E = -d ln Z / d b stays true.
    """
    levels, n, dim = spectrum.levels[total], spectrum.n, spectrum.dim
    edge = max(spectrum.cutoffs[-1], _THERMAL_TAIL / b)
    ball = math.pi if dim == 2 else 4 * math.pi / 3
    if (ball * (edge * (n - 1) / n) ** (dim / 2)) ** (n - 1) > _MOST_LISTED:
        raise NotKnown(
            f"so hot, levels of {n} electrons count up to {edge:.0f} (2 pi / L)^2: too many to list"
        )
    sets = determinants(n, total, edge, spectrum.n_down)
    e_kinetic = kinetic(sets)
    e_diagonal = diagonal(sets, spectrum.coupling, spectrum.n_down)
    sums = []
    for cutoff, inside in zip(spectrum.cutoffs, levels, strict=True):
        e = np.concatenate([inside, e_diagonal[e_kinetic > cutoff + 1e-9]])
        log_z = float(np.asarray(logsumexp(-b * e)))
        sums.append((log_z, np.exp(-b * e - log_z) @ e))
    size = np.array([len(inside) for inside in levels], dtype=np.float64)
    k = size[-1:] ** (-1 / (dim * (n - 1))) * size ** (1 / (dim * (n - 1)))  # 1 at the largest cutoff
    power = dim if spectrum.n_down else dim + 2
    x, y = k**-power, k ** -(power + 1)
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


def centre_of_mass_sums(
    n: int, momentum: Momentum, twist: tuple[float, ...], b: float
) -> tuple[float, float]:
    """ln Z and mean energy of |Q + n twist|^2 / n over all integer Q = momentum mod n; axes factorise."""
    along = [_along_an_axis(n, q, t, b) for q, t in zip(momentum, twist, strict=True)]
    return sum(log_z for log_z, _ in along), sum(energy for _, energy in along)


@functools.lru_cache(maxsize=4096)
def _along_an_axis(n: int, q: int, t: float, b: float) -> tuple[float, float]:
    reach = math.ceil(math.sqrt(_THERMAL_TAIL / (b * n))) + 2
    start = q + n * t - n * round(q / n + t)  # the smallest of the values q + n t + n j
    e = (start + n * np.arange(-reach, reach + 1)) ** 2 / n
    log_z = float(np.asarray(logsumexp(-b * e)))
    return log_z, float(np.exp(-b * e - log_z) @ e)
