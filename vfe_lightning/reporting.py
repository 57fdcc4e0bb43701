"""What is reported of an estimate: means with errors, their units, and what they are of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from vfe_lightning.estimate import Estimate
from vfe_lightning.statistics import Moments, between_group_variance, group_means

Units = tuple[str, str]  # and what the number is of, both empty for a plain number


@dataclass(frozen=True)
class Reporting:
    """How the numbers of a system are reported.

    Attributes:
        size: sites or particles; energies and entropies are per `size`.
        temperature: in internal units of energy.
        energy_unit: one internal unit of energy, in `units`.
        per: what energies and entropies are of: an electron, a spin, a site, the whole system.
        units_of: of observables that have units.
    """

    size: int = 1
    temperature: float = 1.0
    energy_unit: float = 1.0
    units: str = ""
    per: str = ""
    units_of: Mapping[str, Units] = field(default_factory=dict)

    @property
    def unit(self) -> float:
        """One internal unit of energy of the whole system, as it is reported."""
        return self.energy_unit / self.size

    @property
    def of_energies(self) -> Units:
        return self.units, self.per

    @property
    def of_entropies(self) -> Units:
        return "k_B", self.per

    def of_observable(self, name: str) -> Units:
        """Units of a number of the samples, or of the same number reweighted."""
        name = name.removeprefix("reweighted_").removeprefix("smc_")
        if name in ("energy", "free_energy", "importance_free_energy", "control_free_energy"):
            return self.of_energies
        if name in ("entropy", "heat_capacity"):
            return self.of_entropies
        return self.units_of.get(name, ("", ""))

    def moments(self, estimate: Estimate) -> dict[str, Moments]:
        """Moments over the independent groups of this rank of all numbers that are reported."""
        local: dict[str, tuple[Tensor, Units]] = {
            "free_energy": (estimate.free_energy * self.unit, self.of_energies),
            "energy": (estimate.energy * self.unit, self.of_energies),
            "entropy": (estimate.entropy / self.size, self.of_entropies),
            **{name: (value * self.unit, self.of_energies) for name, value in estimate.energies.items()},
            **{name: (value, self.of_observable(name)) for name, value in estimate.observables.items()},
        }
        return {
            name: Moments.of(group_means(value.detach(), estimate.correlated)).measured_in(*units)
            for name, (value, units) in local.items()
        }

    def measured(self, estimate: Estimate) -> dict[str, Moments]:
        """The same over all ranks."""
        return {name: moments.over_ranks() for name, moments in self.moments(estimate).items()}

    def objective(self, estimate: Estimate) -> Moments:
        """What training lowers: F as it is reported, or a loss without units."""
        if estimate.objective is None:
            return self.moments(estimate)["free_energy"]
        return Moments.of(group_means(estimate.objective().detach(), estimate.correlated))

    def diagnostics(self, estimate: Estimate) -> dict[str, Tensor]:
        """Scalars of the sampler over all ranks, and how far rho is from stationary.

        `variance` is that of single samples of F_loc, zero when rho is exact. `stationarity` is
        Var_n E[F_loc | n] / T^2, zero at the optimum of p(n) and twice the Kullback-Leibler
        divergence from it nearby, where samples are of one p.
        """
        known, f = estimate.scalars(), estimate.free_energy.detach()
        known["variance"] = Moments.of(f * self.unit).over_ranks().variance
        if estimate.correlated > 1 and self.temperature > 0 and estimate.of_one:
            known["stationarity"] = between_group_variance(f / self.temperature, estimate.correlated)
        return known


def scalars(measured: Mapping[str, Moments]) -> dict[str, Tensor]:
    """Means, and their standard errors under the same names with `_error`."""
    means = {name: m.mean for name, m in measured.items()}
    return means | {f"{name}_error": m.error for name, m in measured.items()}
