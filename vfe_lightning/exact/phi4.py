r"""Exact free energies of phi^4 theory: the free field at any L, and tori of 2 x 2 and 3 x 3 sites.

$$ S = \sum_{<xy>} (\phi_x - \phi_y)^2 + \sum_x V(\phi_x), \quad V = M^2 \phi^2 + \lambda \phi^4 $$

Four sites are products of matrices over equally spaced nodes, nine a network of `exact.bond_network`. A soft
zero mode, where all this takes too much, is left to `exact.zero_mode`. Of lambda phi^4 only its mean is
needed: <S> = L^2 / 2 - <lambda sum phi^4> by the virial.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.exact.bond_network import Torus, bond_functions
from vfe_lightning.exact.zero_mode import around_the_zero_mode
from vfe_lightning.result import Reference

FUNCTIONS = ((8, 10, 12), (9, 12, 15))  # of a bond of nine sites, three each
ITERATIONS = 2  # towards the environment
CRUDE = 6  # functions of the network that the environment is taken from
DEEP = 80.0  # of V, beyond which a site has no nodes
STEP = 0.6  # between nodes, in widths of a site between fixed neighbours
MOST_NODES = 800
SHRINKING = 0.7  # ratio of two steps, above which they tell nothing
GOOD = 1e-9  # of ln Z: no other method is tried


def free_field(L: int, m2: float) -> Reference:
    """S = sum_k (M^2 + 4 - 2 cos k_x - 2 cos k_y) |phi_k|^2, M^2 > 0."""
    k = 2 * math.pi * torch.arange(L, dtype=torch.float64) / L
    spectrum = m2 + (2 - 2 * torch.cos(k))[:, None] + (2 - 2 * torch.cos(k))
    logs = 0.5 * (math.pi / spectrum).log()
    error = 4 * EPSILON * (logs.abs().sum().item() + L * L)
    return Reference.thermal(logs.sum().item(), L * L / 2, 1.0, error, 0.0)


def small_torus(L: int, m2: float, lam: float, tolerance: float = math.inf) -> Reference:
    """F, E = <S> and the entropy of L x L sites, L = 2 or 3, lam > 0.

    Raises:
        NotKnown: no way comes to an end.
    """
    ways = [lambda: around_the_zero_mode(L, m2, lam)]
    ways += (
        [lambda: four_sites(m2, lam)] if L == 2 else [lambda f=f: nine_sites(m2, lam, f) for f in FUNCTIONS]
    )
    found, reasons = [], []
    for way in ways:
        try:
            found.append(way())
        except NotKnown as error:
            reasons.append(str(error))
        best = min((reference.free_energy_error for reference in found), default=math.inf)
        if best <= min(GOOD, tolerance) or (len(found) > 1 and best <= tolerance):
            break
    if not found:
        raise NotKnown("; ".join(dict.fromkeys(reasons)))
    return min(found, key=lambda reference: reference.free_energy_error)


def four_sites(m2: float, lam: float) -> Reference:
    """L = 2, where two bonds join each pair of neighbours: sites a b over c d, Z = sum D_ab (K D K)_ab.

    Raises:
        NotKnown: the sites need too many nodes.
    """
    values = []
    for step, deep in ((1.2 * STEP, DEEP), (STEP, 1.2 * DEEP)):
        site = Site.of(m2, lam, step, deep, MOST_NODES)
        K = np.exp(-2 * (site.x[:, None] - site.x) ** 2)
        D = np.exp(site.log_weight[:, None] + site.log_weight) * K
        weight = D * (K @ D @ K)
        z = weight.sum()
        values.append((math.log(z), 4 * lam * (weight.sum(axis=1) @ site.x**4) / z))
    return _reference(2, site, np.array(values[1]), np.abs(np.subtract(*values)))


def nine_sites(m2: float, lam: float, functions: tuple[int, int, int]) -> Reference:
    """L = 3 by three equally spaced numbers of functions of a bond and two sets of nodes.

    What is left after the last one is what the last step was worth, or more where steps shrink slowly.

    Raises:
        NotKnown: the sites need too many nodes, or the steps do not shrink.
    """
    values = []
    for step, deep, counts in ((1.2 * STEP, DEEP, functions[:2]), (STEP, 1.2 * DEEP, functions[1:])):
        site = Site.of(m2, lam, step, deep, MOST_NODES // 4)
        K = np.exp(-((site.x[:, None] - site.x) ** 2))
        weight = np.exp(site.log_weight)
        rest = K @ np.exp(8 * (site.log_weight - site.log_weight.max()))
        environment = np.diag(weight * rest)
        for _ in range(ITERATIONS):
            environment = Torus(
                site.x, np.exp(site.log_weight), bond_functions(K, environment, CRUDE)
            ).environment()
        for count in counts:
            values.append(
                Torus(
                    site.x, np.exp(site.log_weight), bond_functions(K, environment, count)
                ).log_z_and_quartic(lam)
            )
    first, same, other, last = np.array(values)
    steps, noise = np.abs([same - first, last - other]), 1e-12 * (1 + np.abs(last))
    ratio = np.where(steps[1] > noise, steps[1] / np.maximum(steps[0], noise), 0.0).max()
    if not ratio < SHRINKING:
        raise NotKnown("the functions of a bond do not converge")
    return _reference(3, site, last, steps[1] * max(1.0, ratio / (1 - ratio)) + np.abs(other - same))


def _reference(L: int, site: "Site", found: np.ndarray, errors: np.ndarray) -> Reference:
    """From ln Z without the minimum of V, and <lam sum phi^4>."""
    sites, (log_z, quartic) = L * L, found.tolist()
    log_error, quartic_error = (errors + 64 * EPSILON * (sites + np.abs(found))).tolist()
    log_error += 4 * EPSILON * sites * abs(site.lowest)
    return Reference.thermal(log_z - sites * site.lowest, sites / 2 - quartic, 1.0, log_error, quartic_error)


@dataclass(frozen=True)
class Site:
    """Equally spaced nodes of one site: (nodes,), the negative ones mirrored at the end.

    Attributes:
        log_weight: ln of the spacing less V, plus its minimum.
        lowest: the minimum of V.
    """

    x: np.ndarray
    log_weight: np.ndarray
    lowest: float

    @classmethod
    def of(cls, m2: float, lam: float, step: float, deep: float, most: int) -> "Site":
        """Nodes where V is within `deep` of its minimum.

        Raises:
            NotKnown: they are more than `most`.
        """
        square = max(0.0, -m2) / (2 * lam)  # of phi at the minimum
        # V - minimum = lam (phi^2 - square)^2 below m2 = 0, and m2 phi^2 + lam phi^4 above it
        rise = math.sqrt(deep / lam) if m2 <= 0 else 2 * deep / (m2 + math.sqrt(m2 * m2 + 4 * lam * deep))
        last, first = math.sqrt(square + rise), math.sqrt(max(0.0, square - rise))
        size = step / math.sqrt(2 * (4 + m2 + 6 * lam * last**2))
        count = math.ceil((last - first) / size)
        if 2 * count > most:
            raise NotKnown(f"the field of a site takes {2 * count} nodes")
        x = first + (last - first) / count * (np.arange(count) + 0.5)
        v = lam * (x * x - square) ** 2 if m2 <= 0 else x * x * (m2 + lam * x * x)
        log_weight = math.log((last - first) / count) - v
        lowest = -lam * square * square
        return cls(np.concatenate([x, -x]), np.concatenate([log_weight, log_weight]), lowest)
