r"""The canonical ideal Fermi gas from the partition function of one particle, with all its orbitals.

Over cycles of exchanged particles, with z_k = Z_1(k beta) and e_k the mean energy of one particle there,

$$ Z_n = \frac1n \sum_{k=1}^n (-1)^{k+1} z_k Z_{n-k}, \qquad
   -\frac{dZ_n}{d\beta} = \frac1n \sum_{k=1}^n (-1)^{k+1} (k z_k e_k Z_{n-k} - z_k \frac{dZ_{n-k}}{d\beta}) $$

(P. Borrmann, G. Franke, J. Chem. Phys. 98, 2484 (1993)). The digits that alternating signs cancel are those
by which bosons, the same sum without signs, exceed fermions: decimals have them. It serves hot particles, of
which a list of orbitals (`ideal_gas.py`) would be long; cold ones are better listed.
"""

import decimal
from collections.abc import Callable
from decimal import Decimal

Orbit = tuple[Decimal, Decimal]  # z_k and e_k
_DIGITS = 30  # that remain
_MOST_DIGITS = 8000


def free_fermions(n: int, orbit: Callable[[int], Orbit]) -> tuple[float, float]:
    """ln Z and E of n >= 1 fermions, to rounding.

    Args:
        orbit: k -> z_k and e_k in the precision of the decimals of the moment.

    Raises:
        ArithmeticError: so cold that more digits than can be had cancel.
    """
    digits = 60
    while digits <= _MOST_DIGITS:
        with decimal.localcontext() as context:
            context.prec, context.Emax, context.Emin = digits, decimal.MAX_EMAX, decimal.MIN_EMIN
            orbits = [orbit(k) for k in range(1, n + 1)]
            z, slope = _recursion(orbits, -1)
            bosons, _ = _recursion(orbits, 1)
            if z > 0 and (bosons / z).log10() < digits - _DIGITS:
                return float(z.ln()), float(slope / z)
        digits *= 2
    raise ArithmeticError(f"{n} particles so cold lose more than {_MOST_DIGITS} digits")


def _recursion(orbits: list[Orbit], sign: int) -> Orbit:
    """Z_n and -dZ_n / d beta; sign is that of an exchange."""
    z, slope = [Decimal(1)], [Decimal(0)]
    for n in range(1, len(orbits) + 1):
        total, changed = Decimal(0), Decimal(0)
        for k in range(1, n + 1):
            z_k, e_k = orbits[k - 1]
            signed = sign ** (k - 1) * z_k
            total += signed * z[n - k]
            changed += signed * (k * e_k * z[n - k] + slope[n - k])
        z.append(total / n)
        slope.append(changed / n)
    return z[-1], slope[-1]


def oscillator_orbit(beta: float, k: int) -> Orbit:
    """Of the isotropic oscillator in two dimensions, energies in hbar omega."""
    q = (-k * Decimal(beta)).exp()
    return q / (1 - q) ** 2, (1 + q) / (1 - q)


def box_orbit(b: float, twist: tuple[float, ...], k: int) -> Orbit:
    """Of plane waves, b = beta (2 pi / L)^2, with energies |n + twist|^2; the axes factorise."""
    axes = [_axis(k * Decimal(b), Decimal(t)) for t in twist]
    z = Decimal(1)
    for of_axis, _ in axes:
        z *= of_axis
    return z, sum((e for _, e in axes), Decimal(0))


def _axis(b: Decimal, twist: Decimal) -> Orbit:
    """sum_j exp(-b (j + twist)^2) and its mean energy; each Gaussian from the one before, without an exp."""
    total, slope, step = Decimal(0), Decimal(0), (-2 * b).exp()
    smallest = Decimal(10) ** -(decimal.getcontext().prec + 5)
    for sign, at in ((1, twist), (-1, twist - 1)):
        term, ratio = (-b * at * at).exp(), (-b * (1 + 2 * sign * at)).exp()
        while True:
            total, slope = total + term, slope + term * at * at
            if term < smallest * total and sign * at > 0:
                break
            term, ratio, at = term * ratio, ratio * step, at + sign
    return total, slope / total
