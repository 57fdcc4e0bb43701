"""What independent populations in the Gibbs state say: F, E, S and means, and whether they are exact.

Errors are those of independent populations, never of one; means weigh each population by its Z. What is a
function of two walkers weighs both populations, and the error knows that each of them counts twice.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from scipy import stats
from torch import Tensor

from vfe_lightning import reductions
from vfe_lightning.reporting import Reporting
from vfe_lightning.samplers.sequential_monte_carlo import Climb, Series
from vfe_lightning.statistics import Importance, Moments

EXACT = "exact within its error"
AGREEMENT = 0.5  # of the populations, by their Z: fewer effective ones have no honest error
MIXED = 1.1  # R-hat: above it populations differ by more than a third of what walkers of one do
POOR = 0.5  # of the conditional effective sample size that was asked for
FALSE_ALARM = 1e-8
MISSING = 20.0  # walkers of a well: of fewer that are expected chance may leave none


@dataclass(frozen=True)
class GibbsState:
    """All populations of all ranks in the Gibbs state.

    Attributes:
        log_z: (populations,).
        series: of everything that was measured.
        flow: by which populations would go to each well beyond what comes back, (populations, wells); zero on
            average in the Gibbs state, None where wells are not known.
        climb: how they came there.
        x: the last walkers of this rank, (walkers, ...), populations one after another.
        evaluations, seconds: what it has cost, the pilot included.
        control: ln Z of populations from a density that has no mode to lose, (populations,); None of none.
    """

    log_z: Tensor
    series: Mapping[str, Series]
    flow: Tensor | None
    climb: Climb
    x: Tensor
    evaluations: float
    seconds: float
    control: Tensor | None = None

    def numbers(self, reporting: Reporting) -> dict[str, Moments]:
        """As they are reported."""
        size, unit = reporting.size, reporting.temperature * reporting.unit
        importance, action = Importance(self.log_z), _settled(self.series["action"])
        mean = importance.mean(action).mean
        variance = self.series["action"].variances
        assert variance is not None
        second = variance[1:].mean(dim=0) + (self.series["action"].means[1:] - mean).square().mean(dim=0)
        known = {
            "smc_free_energy": importance.free_energy(unit),
            "smc_energy": importance.mean(action * unit),
            "smc_entropy": importance.entropy(action).scaled(1 / size),
            "smc_heat_capacity": importance.mean(second).scaled(1 / size),
        }
        for name, series in self.series.items():
            if name != "action":
                known[f"smc_{name}"] = self.mean(series, _settled(series))
        if self.control is not None:
            known["smc_control_free_energy"] = Importance(self.control).free_energy(unit)
        known |= {
            name: Moments.exactly(value)
            for name, value in {
                "smc_r_hat": max(self.r_hats().values()),
                "smc_population_agreement": importance.effective_sample_size.mean,
                "smc_conditional_sample_size": self.climb.conditional.min(),
                "smc_acceptance": self.climb.acceptance.nan_to_num().max(dim=1).values.min(),
                "smc_temperatures": float(self.climb.height),
                "smc_evaluations": self.evaluations,
                "smc_seconds": self.seconds,
            }.items()
        }
        known["smc_seconds"] = known["smc_seconds"].measured_in("s")
        return {
            name: m if m.units else m.measured_in(*reporting.of_observable(name)) for name, m in known.items()
        }

    def mean(self, series: Series, values: Tensor) -> Moments:
        """Of what was measured in this series, (populations, ...), over populations by their Z."""
        if not series.paired:
            return Importance(self.log_z).mean(values)
        by_rank = self.log_z.view(reductions.world_size(), -1)  # the one before the first is the last there
        return mean_of_pairs(by_rank + by_rank.roll(1, 1), values)

    def r_hats(self) -> dict[str, float]:
        """Of everything that is one number a configuration: how much populations, and their halves, differ.

        Gelman & Rubin, Stat. Sci. 7, 457 (1992).
        """
        found = {}
        for name, series in self.series.items():
            if series.variances is not None:
                halves = torch.cat([part.mean(dim=0) for part in series.means[1:].chunk(2)])
                between, within = halves.var().item(), series.variances[1:].mean().item()
                between = between if between > 1e-20 * halves.square().mean().item() else 0.0
                found[name] = math.sqrt(1 + between / within) if within > 0 else math.inf if between else 1.0
        return found

    def verdict(self, threshold: float) -> str:
        """Whether F and the means are exact within their errors, or why they are not."""
        if not self.log_z.isfinite().all():
            return "not exact: populations have died out"
        reasons, importance = [], Importance(self.log_z)
        if (share := importance.effective_sample_size.mean.item()) < AGREEMENT:
            reasons.append(
                f"populations disagree about Z, as if there were {share * len(self.log_z):.1f} of them"
            )
        if (poorest := self.climb.conditional.min().item()) < POOR * threshold:
            reasons.append(f"the conditional effective sample size falls to {poorest:.2g}")
        r_hats = self.r_hats()
        worst = max(r_hats, key=lambda name: r_hats[name])
        if not r_hats[worst] <= MIXED:
            reasons.append(f"populations disagree about {_named(worst)}, R-hat {r_hats[worst]:.3g}")
        drifts = {
            f"{_named(k)} moves on": (s, s.means[1:].chunk(2)[1].mean(0) - s.means[0])
            for k, s in self._scalars()
        }
        if self.flow is not None:
            # a walker of a well takes part in the flow by one over the number of wells, at most
            walkers = len(self.x) * reductions.world_size() * self.flow.shape[1]
            drifts |= {
                f"jumps to the known well {k + 1} are not in balance": (self.series["action"], f)
                for k, f in enumerate(self.flow.mT)
                if importance.mean(f).mean.abs() * walkers > MISSING
            }
        if self.control is not None:
            own, other = importance.free_energy(1.0), Importance(self.control).free_energy(1.0)
            least = float(stats.t.isf(FALSE_ALARM, len(self.log_z) - 1))
            if own.mean - other.mean > least * (own.error.square() + other.error.square()).sqrt():
                reasons.append(
                    f"populations that know nothing of the model find {own.mean - other.mean:.2g} kT less "
                    "free energy: the model has lost configurations"
                )
        limit = float(stats.t.isf(FALSE_ALARM / 2 / len(drifts), len(self.log_z) - 1))
        for what, (series, drift) in drifts.items():
            found = self.mean(series, drift)
            if found.mean.abs() > limit * found.error + 1e-12 * drift.abs().max():
                reasons.append(f"{what} in the Gibbs state")
        return f"not exact: {'; '.join(reasons)}" if reasons else EXACT

    def _scalars(self) -> list[tuple[str, Series]]:
        return [(name, series) for name, series in self.series.items() if series.variances is not None]


def mean_of_pairs(log_weights: Tensor, x: Tensor) -> Moments:
    """<w x> / <w> of a ring of pairs, each of which has one member in common with the next one.

    The covariance of neighbours, which is not negative for functions of two equal members, is in the error.

    Args:
        log_weights: (rings, pairs).
        x: (rings * pairs, ...).
    """
    w = log_weights.flatten().softmax(0)
    mean = torch.einsum("b,b...->...", w, x)
    away = w.view(-1, *[1] * (x.ndim - 1)) * (x - mean)
    next_one = away.unflatten(0, log_weights.shape).roll(-1, 1).flatten(0, 1)
    square = away.square().sum(0) + 2 * (away * next_one).sum(0).clamp(min=0)
    count = len(w)
    return Moments.with_error(mean, (square * count / (count - 1)).sqrt(), count=count)


def _settled(series: Series) -> Tensor:
    """Means over all rounds in the Gibbs state: (populations, ...)."""
    return series.means[1:].mean(dim=0)


def _named(name: str) -> str:
    return "the energy" if name == "action" else name
