"""What one pass of sampling measured: local energies, and the factors of the density that was sampled."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Self

import torch
from torch import Tensor, nn

from vfe_lightning import reductions
from vfe_lightning.errors import NotKnown


@dataclass(frozen=True)
class Factor:
    """One factor of the density that was sampled: p(s), p(n|s) or |Psi_n(x)|^2.

    Its share of the gradient of F is < (cost - <cost>) O > with the real scores O = d ln p, or
    2 Re < (cost - <cost>)^* O > with the complex scores O = d ln Psi.

    Attributes:
        name: what the metrics of this factor are called.
        module: holds the parameters, in the order of the columns of the scores.
        scores: computes O, (batch, parameters); called only where a gradient is wanted. None where the
            gradient is not made of scores: the factor then has a pullback, and perhaps a metric.
        cost: F_loc or E_loc of each sample, held fixed: (batch,), complex for Psi.
        clip: real costs beyond this many mean absolute deviations, over the samples of all passes
            and ranks, are clipped in the gradient.
        weights: real costs of all passes of this rank -> the weight of each sample, (batch,), such that
            sum_b weight_b O_b over all ranks is the gradient; None is (cost - <cost>) / samples.
        pullback: weights -> sum_b weight_b O_b of a few contiguous groups of samples, (groups, parameters),
            without the matrix O; None where only the scores are known.
        metric: computes rows, (rows, parameters), whose mean square over all ranks is the metric of the
            natural gradient, where that is not the covariance of scores.
        quantum: the parameters are of a wavefunction, though the costs are real.
    """

    name: str
    module: nn.Module
    scores: Callable[[], Tensor] | None
    cost: Tensor
    clip: float = math.inf
    weights: Callable[[Tensor], Tensor] | None = None
    pullback: Callable[[Tensor], Tensor] | None = None
    metric: Callable[[], Tensor] | None = None
    quantum: bool = False

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        def scores() -> Tensor:
            return torch.cat([part.scores() for part in parts if part.scores])

        def pullback(weights: Tensor) -> Tensor:
            shares = weights.split([len(part.cost) for part in parts])
            return torch.cat([p.pullback(w) for p, w in zip(parts, shares, strict=True) if p.pullback])

        def metric() -> Tensor:
            return torch.cat([part.metric() for part in parts if part.metric])

        return replace(
            parts[0],
            scores=scores if parts[0].scores else None,
            cost=torch.cat([part.cost for part in parts]),
            pullback=pullback if parts[0].pullback else None,
            metric=metric if parts[0].metric else None,
        )


@dataclass(frozen=True)
class Estimate:
    """Monte Carlo estimate of the free energy; every local quantity has shape (batch,).

    Attributes:
        free_energy: F_loc = E_loc + T ln p, of the whole system in internal units.
        energy: E_loc.
        entropy: -ln p, in units of k_B.
        factors: what the optimiser needs; empty for an estimate that no gradient is taken of.
        energies: further energies of each sample, (batch,), such as kinetic and potential.
        observables: other numbers of each sample, (batch,), reported as they are.
        diagnostics: scalars of the sampler whose mean over passes, ranks and batches is reported.
        minima, maxima: scalars of the sampler of which the smallest or the largest is reported.
        profiles: compute functions of distance or momentum of each sample, (batch, bins); called
            only in the evaluation.
        correlated: contiguous samples that are not independent of each other, such as several x
            for one K.
        log_weights: -beta E - ln p of independent samples, where it is known: the evaluation makes
            the importance-sampled free energy of them.
        of_states: the weights lead to the best p of the states that are sampled, not to the Gibbs state.
        objective: computes what training lowers for each sample, (batch,), where that is not F.
        reweighted: computes numbers or functions of each sample, (batch, ...), whose means in the Gibbs
            state the evaluation reports; it needs `log_weights`.
        of_one: all samples are of one density; of several, one for each twist, K have different E[F_loc | K]
            even where every p(K) is optimal.
        samples: draws or has what was sampled, (batch, ...), for observables that are asked for besides.
    """

    free_energy: Tensor
    energy: Tensor
    entropy: Tensor
    factors: tuple[Factor, ...] = ()
    energies: Mapping[str, Tensor] = field(default_factory=dict)
    observables: Mapping[str, Tensor] = field(default_factory=dict)
    diagnostics: Mapping[str, Tensor] = field(default_factory=dict)
    minima: Mapping[str, Tensor] = field(default_factory=dict)
    maxima: Mapping[str, Tensor] = field(default_factory=dict)
    profiles: Mapping[str, Callable[[], Tensor]] = field(default_factory=dict)
    correlated: int = 1
    log_weights: Tensor | None = None
    of_states: bool = False
    objective: Callable[[], Tensor] | None = None
    reweighted: Mapping[str, Callable[[], Tensor]] = field(default_factory=dict)
    of_one: bool = True
    samples: Callable[[], Tensor] | None = None

    def scalars(self) -> dict[str, Tensor]:
        """Diagnostics, minima and maxima over all ranks."""
        means = {name: reductions.mean(v[None]) for name, v in self.diagnostics.items()}
        minima = {name: -reductions.maximum(-v) for name, v in self.minima.items()}
        maxima = {name: reductions.maximum(v) for name, v in self.maxima.items()}
        return means | minima | maxima

    def extremes(self) -> Mapping[str, Callable[[Tensor], Tensor]]:
        """How the minima and maxima of several batches are joined, by their names."""
        return dict.fromkeys(self.minima, torch.min) | dict.fromkeys(self.maxima, torch.max)

    @classmethod
    def concatenate(cls, estimates: Sequence[Self]) -> Self:
        """One estimate of all samples of several passes."""
        if len(estimates) == 1:
            return estimates[0]
        first = estimates[0]

        def join(parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
            return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

        def stack(parts: Sequence[Mapping[str, Tensor]], name: str) -> Tensor:
            return torch.stack([part[name] for part in parts])

        return cls(
            free_energy=torch.cat([e.free_energy for e in estimates]),
            energy=torch.cat([e.energy for e in estimates]),
            entropy=torch.cat([e.entropy for e in estimates]),
            factors=tuple(
                Factor.concatenate(parts) for parts in zip(*[e.factors for e in estimates], strict=True)
            ),
            energies=join([e.energies for e in estimates]),
            observables=join([e.observables for e in estimates]),
            diagnostics={k: stack([e.diagnostics for e in estimates], k).mean(0) for k in first.diagnostics},
            minima={k: stack([e.minima for e in estimates], k).amin(0) for k in first.minima},
            maxima={k: stack([e.maxima for e in estimates], k).amax(0) for k in first.maxima},
            correlated=first.correlated,
            of_one=first.of_one,
            log_weights=torch.cat([w for e in estimates if (w := e.log_weights) is not None])
            if first.log_weights is not None
            else None,
        )


def besides(estimate: Estimate, asked: Mapping[str, Callable[[Tensor], Tensor]]) -> Estimate:
    """The same, which also measures functions of samples, and reweights them where the weights are known.

    Args:
        asked: x (batch, ...) -> (batch,) or (batch, bins).
    """
    if not asked:
        return estimate

    def x() -> Tensor:
        if estimate.samples is None:
            raise NotKnown("this system shows no samples to measure")
        return estimate.samples()

    drawn = cache(x)
    found = {name: partial(_measured, f, drawn) for name, f in asked.items()}
    weighed = estimate.log_weights is not None and not estimate.of_states
    return replace(
        estimate,
        profiles={**estimate.profiles, **found},
        reweighted={**estimate.reweighted, **(found if weighed else {})},
    )


def _measured(function: Callable[[Tensor], Tensor], x: Callable[[], Tensor]) -> Tensor:
    """Raises ValueError where there is not one value, or row of values, for each sample."""
    value = function(x())
    if value.shape[:1] != x().shape[:1]:
        raise ValueError(f"it is {tuple(value.shape)} of {len(x())} samples: one value a sample is wanted")
    return value.detach().double()
