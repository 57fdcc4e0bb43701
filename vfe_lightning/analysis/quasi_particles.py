"""The Fermi liquid of a trained electron gas: dispersion, effective mass, and p*(K) at any temperature.

Two quantities are regressed on occupations: the local energy, whose noise is some ten T a sample, and
-T ln p(K), which has none and is E_K - F where p is stationary. Sources and tests: `analysis.landau`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import torch
from torch import Tensor

from vfe_lightning.analysis import landau
from vfe_lightning.generative.dispersion import Dispersion, stars_of
from vfe_lightning.generative.occupation import Occupation

IDEAL = 4096  # states of the ideal gas of quasi-particles, which are reweighted by f


@dataclass(frozen=True)
class Orbitals:
    """The orbitals of one spin, and how many electrons of each spin are on them.

    Attributes:
        k: in absolute units, (orbitals, dim).
        k_fermi: of the infinite gas.
        particles: of each spin.
    """

    k: Tensor
    k_fermi: float
    particles: tuple[int, ...]

    @cached_property
    def star(self) -> Tensor:
        """Which star of symmetric orbitals each belongs to: (orbitals,)."""
        unit = self.k.abs()[self.k.abs() > 0].min()
        return stars_of((self.k / unit).round(decimals=9))

    @property
    def stars(self) -> int:
        return int(self.star.max()) + 1

    @cached_property
    def terms(self) -> list[landau.PairTerm]:
        return landau.pair_terms(self.k, self.k_fermi, len(self.particles))

    def visited(self, occupied: Tensor) -> tuple["Orbitals", Tensor]:
        """Only the stars that samples have seen, and the samples by their indices."""
        seen = torch.zeros_like(self.star, dtype=torch.bool).index_fill(0, self.star[occupied].unique(), True)
        kept = seen[self.star]
        return Orbitals(self.k[kept], self.k_fermi, self.particles), (kept.cumsum(0) - 1)[occupied]

    def numbers(self, occupied: Tensor) -> Tensor:
        """n_k of each spin: indices (samples, electrons), spin by spin -> (samples, spins, orbitals)."""
        parts = occupied.split(self.particles, dim=1)
        empty = self.k.new_zeros(len(occupied), len(self.k))
        return torch.stack([empty.scatter(1, part, 1.0) for part in parts], dim=1)

    def features(self, dn: Tensor) -> Tensor:
        """What E_K is linear in: (samples, spins, orbitals) -> (samples, powers + terms + stars)."""
        stars = torch.nn.functional.one_hot(self.star, self.stars).to(dn.dtype)
        one = torch.cat([landau.powers(self.k, self.k_fermi), stars], dim=1)
        powers, by_star = (dn.sum(dim=1) @ one).split([landau.DEGREE, self.stars], dim=1)
        return torch.cat([powers, landau.pair_features(dn, self.terms), by_star], dim=1)

    def mean_of_stars(self, numbers: Tensor) -> Tensor:
        """<n_k>, the same on each star: (samples, spins, orbitals) -> (spins, orbitals)."""
        members = torch.nn.functional.one_hot(self.star).to(numbers.dtype)
        return (numbers.mean(dim=0) @ members / members.sum(dim=0))[:, self.star]


@dataclass(frozen=True)
class Liquid:
    """E_K as a function of occupations; both spins share one dispersion.

    Attributes:
        background: <n_k> that occupations are counted from, (spins, orbitals).
        fit: coefficients of powers of k^2, of the terms of f, and of what each star departs by.
    """

    orbitals: Orbitals
    background: Tensor
    fit: landau.Regression

    @classmethod
    def fitted(cls, orbitals: Orbitals, occupied: Tensor, y: Tensor, generator: torch.Generator) -> "Liquid":
        """From energies y of the states: (states, electrons), (states,); of the orbitals that were seen."""
        orbitals, occupied = orbitals.visited(occupied)
        numbers = orbitals.numbers(occupied)
        background = orbitals.mean_of_stars(numbers)
        features = orbitals.features(numbers - background)
        return cls(orbitals, background, landau.regression(features, y, orbitals.stars, generator))

    @property
    def coefficients(self) -> Tensor:
        """The best ones, and those from resampled data: (1 + RESAMPLED, features)."""
        return torch.cat([self.fit.coefficients[None], self.fit.resampled[:, 1:]])

    def energies(self, coefficients: Tensor) -> Tensor:
        """eps of the orbitals for each set of coefficients, zero at k_F: (sets, orbitals)."""
        o, smooth, stars = (
            self.orbitals,
            coefficients[:, : landau.DEGREE],
            coefficients[:, -self.orbitals.stars :],
        )
        varies = (self.background * (1 - self.background)).sum(dim=0)
        offsets = stars[:, o.star]
        offsets = offsets - (offsets @ varies / varies.sum())[:, None]
        return smooth @ landau.powers(o.k, o.k_fermi).T + offsets

    def effective_mass(self) -> tuple[float, float]:
        """m*/m = 2 k_F / (d eps / dk) at k_F of the smooth part, and its error; NaN where it is flat."""
        j = torch.arange(1, landau.DEGREE + 1, device=self.background.device).double()
        slope = self.coefficients[:, : landau.DEGREE] @ j
        mass = self.orbitals.k_fermi**2 / torch.where(slope == 0, torch.nan, slope)
        return float(mass[0]), float(mass[1:].std())

    def dispersion(self) -> pd.DataFrame:
        """eps of each star, zero at k_F, with errors, beside the smooth and the free one; by rising k."""
        o = self.orbitals
        first = torch.stack([(o.star == s).nonzero()[0, 0] for s in range(o.stars)])
        eps = self.energies(self.coefficients)[:, first]
        smooth = self.coefficients[:, : landau.DEGREE] @ landau.powers(o.k[first], o.k_fermi).T
        known, length = self.fit.varies[-o.stars :], o.k[first].norm(dim=1)
        rows = pd.DataFrame(
            {
                "k/k_F": length / o.k_fermi,
                "free": length.square() - o.k_fermi**2,
                "epsilon": torch.where(known, eps[0], torch.nan),
                "epsilon_error": torch.where(known, eps[1:].std(dim=0), torch.nan),
                "smooth": smooth[0],
                "smooth_error": smooth[1:].std(dim=0),
                "occupation": self.background.mean(0)[first],
                "orbitals": torch.bincount(o.star, minlength=o.stars),
            }
        )
        return rows.sort_values("k/k_F", ignore_index=True)

    def functional(self) -> pd.DataFrame:
        """The coefficients of f with their errors."""
        terms = slice(landau.DEGREE, landau.DEGREE + len(self.orbitals.terms))
        return pd.DataFrame(
            {
                "spins": [term.spins for term in self.orbitals.terms],
                "l": [term.degree for term in self.orbitals.terms],
                "radial": [f"{a} {b}" for a, b in (term.radial for term in self.orbitals.terms)],
                "f": self.fit.coefficients[terms],
                "f_error": self.fit.errors[terms],
            }
        )

    def thermodynamics(self, temperatures: Sequence[float], generator: torch.Generator) -> pd.DataFrame:
        """F, E, S and C of p*(K) = exp(-E_K / T) / Z: exact samples of the ideal gas, reweighted by f.

        Errors hold both those of the fit and those of the samples, `effective_sample_size` is a share.
        """
        return pd.DataFrame([self._at(temperature, generator) for temperature in temperatures])

    def _at(self, temperature: float, generator: torch.Generator) -> dict[str, float]:
        o, fit = self.orbitals, self.fit
        weights = -self.energies(self.coefficients[:1])[0] / temperature
        gases = [Occupation(Dispersion(weights, n, o.star, trainable=False), o.k, None) for n in o.particles]
        parts = [gas.sample(IDEAL, generator) for gas in gases]
        log_q = torch.stack([gas.log_prob(part) for gas, part in zip(gases, parts, strict=True)]).sum(dim=0)
        x = o.features(o.numbers(torch.cat(parts, dim=1)) - self.background)
        intercepts = torch.cat([x.new_tensor([fit.intercept]), fit.resampled[:, 0]])
        energies = intercepts[:, None] + self.coefficients @ (x - fit.mean).T  # (fits, states)
        drawn = torch.randint(IDEAL, energies[1:].shape, generator=generator, device=x.device)
        states = torch.cat([torch.arange(IDEAL, device=x.device)[None], drawn])
        energies = energies.gather(1, states)
        log_w = -energies / temperature - log_q[states]
        log_z = log_w.logsumexp(dim=1) - math.log(IDEAL)
        p = log_w.softmax(dim=1)
        mean = (p * energies).sum(dim=1)
        known = {
            "free_energy": -temperature * log_z,
            "energy": mean,
            "entropy": mean / temperature + log_z,
            "heat_capacity": (p * (energies - mean[:, None]) ** 2).sum(dim=1) / temperature**2,
        }
        row = {"temperature": temperature}
        for name, values in known.items():
            row |= {name: float(values[0]), f"{name}_error": float(values[1:].std())}
        return row | {"effective_sample_size": float(1 / p[0].square().sum() / IDEAL)}
