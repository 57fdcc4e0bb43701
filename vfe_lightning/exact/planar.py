"""Thermodynamics of one particle in a plane, and of the dimer without solvent, by quadrature.

Both sides of a dividing line are integrated on their own, each from its lowest energy on: what is rare, and
what is cold, is as exact as the rest.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.exact.quadrature import Integral, integrate
from vfe_lightning.hamiltonians.dimer import MIDDLE, QUADRATIC, QUARTIC, RESTRAINT, SLOPE, bond
from vfe_lightning.hamiltonians.planar_wells import DoubleWell, MuellerBrown
from vfe_lightning.result import Reference

DEEP = 60.0  # T
LARGE = 1e6  # argument of Bessel functions, from which on the second term of their series is enough


@dataclass(frozen=True)
class Exact:
    """Values of a system, and the free energy of one side of a dividing line less that of the other.

    Attributes:
        difference: F of the side that is named first less F of the other, in units of the energy.
        difference_error: a bound.
    """

    reference: Reference
    difference: float
    difference_error: float


@dataclass(frozen=True)
class Side:
    """One side of the dividing line.

    Attributes:
        integral: of exp(-beta (U - lowest)), and the mean of that exponent.
        lowest: energy.
        rounding: of it.
    """

    integral: Integral
    lowest: float
    rounding: float


def double_well(well: DoubleWell, beta: float) -> Exact:
    """The side x > 0 is named first; y is a harmonic oscillator."""
    sides = [_half_of_well(DoubleWell(sign * well.a, well.b, well.c), beta) for sign in (1, -1)]
    return _together(sides, beta, 0.5 * math.log(2 * math.pi / beta), 0.5)


def _half_of_well(well: DoubleWell, beta: float) -> Side:
    """x > 0, by the Taylor series around its lowest point, which has no large terms."""
    points = [0.0, *(x for x in well.minima() if x > 0)]
    start = min(points, key=lambda x: well.along(torch.tensor(x, dtype=torch.float64)).item())
    a, b, c = well.a, well.b, well.c
    slope = a if start == 0 else 0.0

    def action(t: Tensor) -> Tensor:
        t = t[:, 0]
        return beta * t * (slope + t * (b + 6 * c * start**2 + t * (4 * c * start + c * t)))

    reach = (DEEP / (beta * c)) ** 0.25
    peaks = torch.tensor(points, dtype=torch.float64)[:, None] - start
    box = [(-start, reach)]
    terms = abs(a * start) + abs(b) * start**2 + c * start**4
    lowest = start * (a + start * (b + c * start**2))
    integral = integrate(action, action, box, peaks, ends=[(-start, math.inf)])
    return Side(integral, lowest, 4 * EPSILON * terms)


def mueller_brown(potential: MuellerBrown, beta: float) -> Exact:
    """The side y < 3/4 is named first."""
    minima = potential.minima()
    sides = []
    for y, ends in (((-1.0, 0.75), (-math.inf, 0.75)), ((0.75, 3.0), (0.75, math.inf))):
        peaks = minima[(minima[:, 1] > y[0]) & (minima[:, 1] < y[1])]
        lowest = potential.energy(peaks).min().item()

        def action(x: Tensor, lowest: float = lowest) -> Tensor:
            return beta * (potential.energy(x) - lowest)

        rounding = 4 * EPSILON * potential.scale * (potential.shift + sum(map(abs, potential.heights)))
        box = [(-2.5, 2.0), y]
        everywhere = (-math.inf, math.inf)
        found = integrate(action, action, box, peaks, beta * rounding, [everywhere, ends])
        sides.append(Side(found, lowest, rounding))
    return _together(sides, beta, 0.0, 0.0)


def gas_dimer(beta: float) -> Exact:
    """The dimer of hamiltonians.dimer without solvent; the open side, r > 3/2, is named first.

    x_1 + x_2 and y_1 + y_2 are Gaussian, and the direction of the bond gives exp(-z) I_0(z) with
    z = beta 20 r^2 / 4: an integral over the length r is left.
    """
    wells = [MIDDLE + x / 2 for x in DoubleWell(SLOPE, -QUADRATIC, QUARTIC).minima()]
    reach = (DEEP / (16 * beta * QUARTIC)) ** 0.25
    sides = []
    for minimum, first, last in ((wells[1], MIDDLE, math.inf), (wells[0], 0.0, MIDDLE)):
        lowest = bond(torch.tensor(minimum, dtype=torch.float64)).item()

        def tilt(r: Tensor) -> Tensor:
            return beta * RESTRAINT / 4 * r.square()

        def excess(x: Tensor, lowest: float = lowest) -> Tensor:
            z = tilt(x[:, 0])
            rotation = z * (1 - torch.special.i1e(z) / torch.special.i0e(z))
            return beta * (bond(x[:, 0]) - lowest) + rotation.where(z < LARGE, 0.5 + 0.125 / z)

        def action(x: Tensor, lowest: float = lowest) -> Tensor:
            r = x[:, 0]
            directions = (2 * math.pi * r).log() + torch.special.i0e(tilt(r)).log()
            return beta * (bond(r) - lowest) - directions

        rounding = 16 * EPSILON * QUADRATIC
        peaks = torch.tensor([[minimum], [MIDDLE]], dtype=torch.float64)
        box = [(first, min(last, MIDDLE + 1 + reach))]
        found = integrate(action, excess, box, peaks, beta * rounding, [(first, last)])
        sides.append(Side(found, lowest, rounding))
    # d(x_1 + x_2) d(x_2 - x_1) = 2 dx_1 dx_2, and the same for y; y_1^2 + y_2^2 = (sum^2 + difference^2) / 2
    gaussian = 0.5 * math.log(math.pi / (beta * RESTRAINT)) + 0.5 * math.log(2 * math.pi / (beta * RESTRAINT))
    return _together(sides, beta, gaussian - 2 * math.log(2), 1.0)


def _together(sides: Sequence[Side], beta: float, log_others: float, others: float) -> Exact:
    """F, E and S of both sides.

    Args:
        log_others: ln Z of the coordinates that are independent of these.
        others: beta times their mean energy.
    """
    base = min(side.lowest for side in sides)
    heights = [beta * (side.lowest - base) for side in sides]
    logs = [side.integral.log - height for side, height in zip(sides, heights, strict=True)]
    rises = [side.integral.mean + height for side, height in zip(sides, heights, strict=True)]
    roundings = [beta * side.rounding for side in sides]
    log_error = max(side.integral.log_error for side in sides) + max(roundings) + 4 * EPSILON
    highest = max(logs)
    weights = [math.exp(log - highest) for log in logs]
    log_z = highest + math.log(sum(weights))
    shares = [w / sum(weights) for w in weights]
    rise = sum(share * r for share, r in zip(shares, rises, strict=True) if share > 0)
    mean_error = sum(
        share * (side.integral.mean_error + rounding)
        for share, side, rounding in zip(shares, sides, roundings, strict=True)
    )
    rise_error = mean_error + (
        2 * log_error * abs(rises[0] - rises[1]) * math.prod(shares) if all(shares) else 0.0
    )
    own = 4 * EPSILON * (1 + abs(log_others) + abs(log_z) + rise + others)
    log_error, rise_error = log_error + own, rise_error + own
    reference = Reference(
        base - (log_z + log_others) / beta,
        base + (rise + others) / beta,
        log_z + log_others + rise + others,
        free_energy_error=log_error / beta + 2 * EPSILON * abs(base),
        energy_error=rise_error / beta + 2 * EPSILON * abs(base),
        entropy_error=log_error + rise_error,
    )
    difference_error = sum(s.integral.log_error + r for s, r in zip(sides, roundings, strict=True)) / beta
    return Exact(
        reference, (logs[1] - logs[0]) / beta, difference_error + 4 * EPSILON * abs(logs[0] - logs[1]) / beta
    )
