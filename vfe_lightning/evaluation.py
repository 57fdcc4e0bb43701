"""What the batches of one evaluation measured, joined over batches and ranks."""

import functools
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vfe_lightning import reductions
from vfe_lightning.estimate import Estimate
from vfe_lightning.samplers.independence import independence_metropolis
from vfe_lightning.statistics import Importance, Moments, group_means


@dataclass
class Evaluation:
    """Collects batch by batch; the parameters stay the same."""

    moments: list[dict[str, Moments]] = field(default_factory=list)
    summaries: list[dict[str, float]] = field(default_factory=list)
    log_weights: list[Tensor] = field(default_factory=list)
    reweighted: dict[str, list[Tensor]] = field(default_factory=dict)
    last: Estimate | None = None

    def add(self, moments: dict[str, Moments], summary: dict[str, float], estimate: Estimate) -> None:
        """One batch: its moments and summary, and the profiles that only the evaluation computes."""
        profiles = {
            k: Moments.of(group_means(f(), estimate.correlated)) for k, f in estimate.profiles.items()
        }
        self.moments.append(moments | profiles)
        self.summaries.append(summary)
        if estimate.log_weights is not None:
            self.log_weights.append(estimate.log_weights)
        for name, values in estimate.reweighted.items():
            self.reweighted.setdefault(name, []).append(values())
        self.last = estimate

    def merged(self) -> dict[str, Moments]:
        """Moments of everything over all batches and ranks; of sampler diagnostics, over the batches."""
        names = self.moments[0]
        joined = {name: functools.reduce(Moments.merge, [m[name] for m in self.moments]) for name in names}
        evaluation = {name: moments.over_ranks() for name, moments in joined.items()}
        extremes = self.last.extremes() if self.last else {}
        for name in self.summaries[0].keys() - evaluation.keys():
            if not name.endswith("_error"):
                values = torch.tensor([s[name] for s in self.summaries], dtype=torch.float64)
                extreme = extremes.get(name)
                evaluation[name] = Moments.of(values if extreme is None else extreme(values)[None])
        return evaluation

    def in_the_gibbs_state(self, unit: float) -> dict[str, Moments]:
        """What the weights make of the samples; nothing where they are not known.

        The free energy in multiples of `unit`, the means of what is to be reweighted, and how a Metropolis
        chain would go on these samples as proposals.
        """
        if (importance := self.importance()) is None:
            return {}
        known = {
            "importance_free_energy": importance.free_energy(unit),
            "effective_sample_size": importance.effective_sample_size,
        }
        if self.reweighted:
            chain = independence_metropolis(importance.log_weights)
            known |= {"acceptance": chain.acceptance, "autocorrelation_time": chain.autocorrelation_time}
        for name, batches in self.reweighted.items():
            known[f"reweighted_{name}"] = importance.mean(reductions.gather(torch.cat(batches)))
        return known

    def importance(self) -> Importance | None:
        """Of all samples of all ranks; None where the weights are not known."""
        return Importance(reductions.gather(torch.cat(self.log_weights))) if self.log_weights else None
