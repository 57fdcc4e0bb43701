r"""Differences of free energies of neighbouring states from learned maps between them.

$$ W = S_1(T(x)) - S_0(x) - \ln \left| \det \frac{\partial T}{\partial x} \right|, \qquad
   \langle W \rangle_0 \ge \ln \frac{Z_0}{Z_1} $$

for samples x of exp(-S_0) and any invertible T, an equality where T carries one state to the other: the
variational principle of a difference. Jarzynski, PRE 65, 046122 (2002). T is learned from samples of both
states: Wirnsberger et al., J. Chem. Phys. 153, 144112 (2020). With the works of both directions Bennett's
ratio needs no good T, only a better one for a smaller error.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.bijector import Bijector
from vfe_lightning.estimate import Estimate, Factor
from vfe_lightning.estimators.baselines import equal_weights
from vfe_lightning.estimators.bennett import acceptance_ratio
from vfe_lightning.estimators.boltzmann import capped
from vfe_lightning.estimators.pathwise import pulled_back
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian

PASS = 500  # samples in memory at a time
GROUPS = 32  # of chains, at most, whose scatter makes the error

Works = tuple[Tensor, Tensor]  # W forth and back, (chains, kept) each


class SampledState(nn.Module):
    """exp(-beta H), and independent chains of it, (chains, kept, ...): to learn from, and to judge by."""

    seen: Tensor
    unseen: Tensor

    def __init__(self, hamiltonian: ContinuousHamiltonian, beta: float, seen: Tensor, unseen: Tensor) -> None:
        super().__init__()
        self.hamiltonian, self.beta = hamiltonian, beta
        self.register_buffer("seen", seen, persistent=False)
        self.register_buffer("unseen", unseen, persistent=False)

    def action(self, x: Tensor) -> Tensor:
        """S = beta H, differentiable once, by the gradient in closed form: (batch, ...) -> (batch,)."""
        fixed = x.detach()
        value = self.beta * self.hamiltonian.energy(fixed)
        if not x.requires_grad:
            return value
        return value + (self.beta * self.hamiltonian.gradient(fixed) * (x - fixed)).flatten(1).sum(dim=1)

    def drawn(self, count: int, generator: torch.Generator | None) -> Tensor:
        """To learn from while gradients are taken, to judge by otherwise: (count, ...)."""
        pool = (self.seen if torch.is_grad_enabled() else self.unseen).flatten(0, 1)
        return pool[torch.randint(len(pool), (count,), generator=generator, device=pool.device)]


@dataclass(frozen=True)
class Carried:
    """Samples x of one state, carried to another one; (batch,) each.

    Attributes:
        action: S_1(T(x)).
        change: S_1(T(x)) - S_0(x).
        log_det: ln|det dT/dx|.
    """

    action: Tensor
    change: Tensor
    log_det: Tensor

    @property
    def work(self) -> Tensor:
        return self.change - self.log_det

    def cost(self, cap: float) -> Tensor:
        """What is learned from: W + S_0, with actions above the cap as their logarithm."""
        return capped(self.action, cap) - self.log_det


class Stage(nn.Module):
    """Two states and a map from the lower to the upper one."""

    def __init__(self, lower: SampledState, upper: SampledState, bijector: Bijector) -> None:
        super().__init__()
        self.lower, self.upper, self.bijector = lower, upper, bijector

    def forth(self, x: Tensor) -> Carried:
        """Samples of the lower state, (batch, ...)."""
        return _carried(self.lower, self.upper, x, self.bijector(x))

    def back(self, x: Tensor) -> Carried:
        """Samples of the upper state, (batch, ...)."""
        return _carried(self.upper, self.lower, x, self.bijector.inverse(x))

    @torch.no_grad()
    def carried(self) -> tuple[Carried, Carried]:
        """Forth and back, all samples that were not learned from: (chains, kept) in place of (batch,)."""

        def of(carry: Callable[[Tensor], Carried], chains: Tensor) -> Carried:
            parts = [carry(x) for x in chains.flatten(0, 1).split(PASS)]
            names = ("action", "change", "log_det")
            return Carried(*(torch.cat([getattr(p, n) for p in parts]).view(chains.shape[:2]) for n in names))

        return of(self.forth, self.lower.unseen), of(self.back, self.upper.unseen)


def _carried(start: SampledState, end: SampledState, x: Tensor, found: tuple[Tensor, Tensor]) -> Carried:
    y, log_det = found
    action = end.action(y)
    return Carried(action, action - start.action(x), log_det)


def by_stages(
    stages: nn.ModuleList, n_samples: int, beta: float, cap: float, generator: torch.Generator | None = None
) -> Estimate:
    """F, E and S of the last state less those of the first, as the maps have them; F bounds from above.

    Each state has samples of its own, and a sample here is one of each.
    """
    known = stages_of(stages)
    x = [state.drawn(n_samples, generator) for state in (known[0].lower, *(s.upper for s in known))]
    forth = [stage.forth(start) for stage, start in zip(known, x[:-1], strict=True)]

    def both_ways() -> Tensor:
        back = [stage.back(end) for stage, end in zip(known, x[1:], strict=True)]
        return torch.stack([c.cost(cap) for c in (*forth, *back)]).sum(dim=0)

    cost = both_ways() if torch.is_grad_enabled() else forth[0].cost(cap)
    change = torch.stack([c.change.detach() for c in forth]).sum(dim=0)
    log_det = torch.stack([c.log_det.detach() for c in forth]).sum(dim=0)
    pullback = partial(pulled_back, [cost], list(stages.parameters()))
    return Estimate(
        free_energy=(change - log_det) / beta,
        energy=change / beta,
        entropy=log_det,
        factors=(Factor("maps", stages, None, cost.detach(), weights=equal_weights, pullback=pullback),),
        objective=both_ways,
    )


def stages_of(stages: nn.ModuleList) -> list[Stage]:
    """The same, for the type."""
    return cast(list[Stage], list(stages))


@dataclass(frozen=True)
class Difference:
    """ln of the first Z over the last, its standard error, and the least overlap of a stage."""

    value: float
    error: float
    overlap: float


def difference(stages: Sequence[Works]) -> Difference:
    """From the works of each stage.

    The error is a jackknife over groups of chains: samples of a chain are correlated, and two stages share
    those of the state between them. It is not below that of independent samples, which is infinite where the
    two sides do not meet.
    """
    groups = min(GROUPS, *(len(works) for stage in stages for works in stage))

    def without(group: int | None) -> Difference:
        found = []
        for stage in stages:
            forth, back = (
                torch.cat([part for k, part in enumerate(works.tensor_split(groups)) if k != group]).flatten()
                for works in stage
            )
            found.append(acceptance_ratio(-forth, back))
        error = math.sqrt(sum(f.error**2 for f in found))
        return Difference(-sum(f.log_z for f in found), error, min(f.overlap for f in found))

    every = without(None)
    values = torch.tensor([without(group).value for group in range(groups)], dtype=torch.float64)
    scatter = math.sqrt((groups - 1) / groups * (values - values.mean()).square().sum().item())
    return Difference(every.value, max(scatter, every.error), every.overlap)
