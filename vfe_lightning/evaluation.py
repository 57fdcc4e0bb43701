"""What the batches of one evaluation measured, joined over batches and ranks."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.linalg import LinAlgError  # pyright: ignore

from vfe_lightning import reductions
from vfe_lightning.errors import Diverged
from vfe_lightning.estimate import Estimate
from vfe_lightning.failures import Failures
from vfe_lightning.reporting import Reporting
from vfe_lightning.samplers.independence import independence_metropolis
from vfe_lightning.statistics import Importance, Moments, group_means

LEAST = 700.0  # ln of the largest weight over one that counts as none


@dataclass
class Evaluation:
    """Collects batch by batch; the parameters stay the same. Profiles that fail are left out, and told."""

    reporting: Reporting
    failures: Failures = field(default_factory=Failures)
    moments: list[dict[str, Moments]] = field(default_factory=list)
    diagnostics: list[dict[str, float]] = field(default_factory=list)
    log_weights: list[Tensor] = field(default_factory=list)
    energies: list[Tensor] = field(default_factory=list)
    reweighted: dict[str, list[Tensor]] = field(default_factory=dict)
    last: Estimate | None = None

    def add(self, estimate: Estimate) -> None:
        """One batch: its numbers, and the profiles that only the evaluation computes."""
        profiles: dict[str, Moments] = {}
        for name, profile in estimate.profiles.items():
            values = self.failures.attempt(f"profile {name}", profile)
            if values is not None:
                profiles[name] = Moments.of(group_means(values, estimate.correlated))
        self.moments.append(self.reporting.moments(estimate) | profiles)
        self.diagnostics.append(reductions.numbers(self.reporting.diagnostics(estimate)))
        if estimate.log_weights is not None:
            self.log_weights.append(estimate.log_weights)
            self.energies.append(estimate.energy.detach())
        for name, make in estimate.reweighted.items():
            values = self.failures.attempt(f"reweighted {name}", make)
            if values is not None:
                self.reweighted.setdefault(name, []).append(values)
        self.last = estimate

    def merged(self) -> dict[str, Moments]:
        """Moments of everything over all batches and ranks; of sampler diagnostics, over the batches."""
        names = reductions.common([name for name in self.moments[0] if all(name in m for m in self.moments)])
        joined = {name: functools.reduce(Moments.merge, [m[name] for m in self.moments]) for name in names}
        evaluation = {name: moments.over_ranks() for name, moments in joined.items()}
        extremes = self.last.extremes() if self.last else {}
        for name in self.diagnostics[0]:
            values = torch.tensor([of_batch[name] for of_batch in self.diagnostics], dtype=torch.float64)
            extreme = extremes.get(name)
            evaluation[name] = Moments.of(values if extreme is None else extreme(values)[None])
        return evaluation

    def in_the_gibbs_state(self) -> dict[str, Moments]:
        """What the weights make of the samples; nothing where they are not known.

        F, E, S and the heat capacity, the means of what is to be reweighted, and how a Metropolis chain would
        go on these samples as proposals.
        """
        if (importance := self.importance()) is None:
            return {}
        action = reductions.gather(torch.cat(self.energies)) / self.reporting.temperature
        action = action.masked_fill(importance.log_weights.isneginf(), 0.0)  # atoms on top of each other
        if self.last and self.last.of_states:  # of a circuit, whose states are no eigenstates
            return {
                "peierls_free_energy": importance.free_energy(
                    self.reporting.temperature * self.reporting.unit
                ).measured_in(*self.reporting.of_energies),
                "effective_sample_size": importance.effective_sample_size,
            }
        size, unit = self.reporting.size, self.reporting.temperature * self.reporting.unit
        known = {
            "importance_free_energy": importance.free_energy(unit),
            "effective_sample_size": importance.effective_sample_size,
            "reweighted_energy": importance.mean(action * unit),
            "reweighted_entropy": importance.entropy(action).scaled(1 / size),
            "reweighted_heat_capacity": importance.variance(action).scaled(1 / size),
        }
        if self.reweighted:
            floor = importance.log_weights.max() - LEAST
            chain = independence_metropolis(importance.log_weights.clamp(min=floor))
            known |= {"acceptance": chain.acceptance, "autocorrelation_time": chain.autocorrelation_time}
        batches = len(self.moments)
        for name in reductions.common([n for n, of in self.reweighted.items() if len(of) == batches]):
            values = torch.cat(self.reweighted[name])
            known[f"reweighted_{name}"] = importance.mean(reductions.gather(values))
        return {name: m.measured_in(*self.reporting.of_observable(name)) for name, m in known.items()}

    def importance(self) -> Importance | None:
        """Of all samples of all ranks; None where the weights are not known."""
        return Importance(reductions.gather(torch.cat(self.log_weights))) if self.log_weights else None


@dataclass
class Comparison:
    """What training lowers, at parameters that may be bad ones.

    Of several processes one may fail where the others wait for it: there an error is one of the run.
    """

    reporting: Reporting
    found: list[Moments] = field(default_factory=list)

    def add(self, estimate: Callable[[], Estimate]) -> None:
        """One batch."""
        try:
            self.found.append(self.reporting.objective(estimate()))
        except (Diverged, LinAlgError):
            if reductions.world_size() > 1:
                raise
            self.found.append(Moments.exactly(math.inf))

    def objective(self) -> Moments | None:
        """Over all batches and ranks; None where it is not finite."""
        everything = functools.reduce(Moments.merge, self.found).over_ranks()
        return everything if everything.mean.isfinite() else None
