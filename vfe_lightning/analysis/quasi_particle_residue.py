r"""n(k) of a metal, star by star, and Z, the share of an electron in a quasi-particle.

In the ground state Z is the jump of n(k) at k_F (A. B. Migdal, Sov. Phys. JETP 5, 333 (1957)). At T > 0 the
surface is smeared, but the quasi-particles of each sample are known: Z is what n_k rises by when the state K
has k,

$$ Z = \frac{\langle (n_k - \bar n_k) (N_k - \bar N_k) \rangle}{\langle (N_k - \bar N_k)^2 \rangle}, $$

of each star, and of all, where the weight $\bar N_k (1 - \bar N_k)$ is a window around k_F.
"""

import math

import pandas as pd
import torch
from torch import Tensor

from vfe_lightning.analysis.quasi_particles import Orbitals
from vfe_lightning.estimators.momentum_distribution import controlled
from vfe_lightning.statistics import Moments

VARIES = 1e-12  # of the variance of N_k, where there is any
Z = tuple[float, float]  # and its error


def by_star(orbitals: Orbitals, numbers: Tensor, plain: Tensor, bare: Tensor) -> pd.DataFrame:
    """By rising k: n(k), the occupation by quasi-particles, and Z, with errors; means over both spins.

    Args:
        numbers: n_k of the samples, (samples, spins, orbitals).
        plain: of determinants with the occupations `bare`, by the same moves: a control variate.
        bare: N_k of the samples, 0 or 1.
    """
    rows = []
    for star in range(orbitals.stars):
        members = orbitals.star == star
        n, occupied = _quiet(*(y[..., members] for y in (numbers, plain, bare))), bare[..., members]
        found, of_bare = (Moments.of(y.mean(dim=(1, 2))) for y in (n, occupied))
        z, error = residue([n], [occupied])
        rows.append(
            {
                "k/k_F": float(orbitals.k[members][0].norm()) / orbitals.k_fermi,
                "n": found.mean.item(),
                "n_error": found.error.item(),
                "occupation": of_bare.mean.item(),
                "occupation_error": of_bare.error.item(),
                "Z": z,
                "Z_error": error,
                "orbitals": int(members.sum()),
            }
        )
    return pd.DataFrame(rows).sort_values("k/k_F", ignore_index=True)


def _quiet(numbers: Tensor, plain: Tensor, bare: Tensor) -> Tensor:
    """n_k less the noise that it shares with that of determinants."""
    return bare + controlled(numbers - bare, plain - bare)


def residue(numbers: list[Tensor], bare: list[Tensor]) -> Z:
    """Z of stars together, each (samples, spins, orbitals); NaN where no occupation varies."""
    above = below = torch.zeros(len(numbers[0]), dtype=numbers[0].dtype, device=numbers[0].device)
    for n, occupied in zip(numbers, bare, strict=True):
        dn, d = (y - y.mean() for y in (n, occupied))
        above, below = above + (dn * d).sum(dim=(1, 2)), below + d.square().sum(dim=(1, 2))
    if below.mean() <= VARIES:
        return math.nan, math.nan
    z = above.mean() / below.mean()
    return z.item(), (Moments.of(above - z * below).error / below.mean()).item()


def of_metal(orbitals: Orbitals, numbers: Tensor, plain: Tensor, bare: Tensor) -> Z:
    """Z at k_F: of all stars of the thermal window, or the jump from the last one in to the first out."""
    members = [orbitals.star == star for star in range(orbitals.stars)]
    n = [_quiet(numbers[..., m], plain[..., m], bare[..., m]) for m in members]
    occupied = [bare[..., m] for m in members]
    found = residue(n, occupied)
    if not math.isnan(found[0]):
        return found
    length = [orbitals.k[m][0].norm().item() for m in members]
    inside = [(k, i) for i, (k, o) in enumerate(zip(length, occupied, strict=True)) if o.mean() > 0.5]
    outside = [(k, i) for i, (k, o) in enumerate(zip(length, occupied, strict=True)) if o.mean() < 0.5]
    jump = Moments.of(n[max(inside)[1]].mean(dim=(1, 2)) - n[min(outside)[1]].mean(dim=(1, 2)))
    return jump.mean.item(), jump.error.item()
