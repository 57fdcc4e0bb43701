r"""The way from a density that is sampled to the Gibbs state, and walkers on it.

$$ \pi_t(x) \propto q(x)^{1-t} e^{-t \beta H(x)}, \quad 0 \le t \le 1, \qquad
   \ln w(x) = -\beta H(x) - \ln q(x) $$
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from vfe_lightning.calculus.gradient import gradient

Function = Callable[[Tensor], Tensor]
Near = Callable[[Tensor, Tensor, torch.Generator | None], tuple[Tensor, Tensor]]
AT_ONCE = 512  # walkers that q is asked for
IN_CACHES = 128  # as many on a processor, where what a flow makes of more does not stay in the caches


@dataclass(frozen=True)
class Walkers:
    """Configurations with what is known of each.

    Attributes:
        x: (walkers, ...).
        log_q: (walkers,); NaN where nobody has asked for it, in the Gibbs state itself.
        action: beta H, infinite where there is no weight: (walkers,).
    """

    x: Tensor
    log_q: Tensor
    action: Tensor

    @property
    def log_weights(self) -> Tensor:
        """ln w: (walkers,)."""
        return -self.action - self.log_q

    def chosen(self, index: Tensor) -> Self:
        """Those of these numbers, which may come several times: (walkers,)."""
        return type(self)(self.x[index], self.log_q[index], self.action[index])

    def replaced(self, other: Self, where: Tensor) -> Self:
        """Another one in its place where that is true: (walkers,)."""
        everywhere = where.reshape(-1, *[1] * (self.x.ndim - 1))
        return type(self)(
            torch.where(everywhere, other.x, self.x),
            torch.where(where, other.log_q, self.log_q),
            torch.where(where, other.action, self.action),
        )


class Bridge:
    """Both ends of the way, which counts how often H is computed.

    Args:
        draw: (walkers, generator) -> x (walkers, ...) of q and ln q (walkers,).
        log_q: (walkers, ...) -> (walkers,).
        action: beta H, (walkers, ...) -> (walkers,); what is no number has no weight.
        gradient: d action / dx, (walkers, ...) -> (walkers, ...); None: by automatic differentiation.
        near: a step with detailed balance in q, of x (walkers, ...) and a length from 0 to 1, (walkers,), to
            x and ln q of it; None: q has no such step.
    """

    def __init__(
        self,
        draw: Callable[[int, torch.Generator | None], tuple[Tensor, Tensor]],
        log_q: Function,
        action: Function,
        gradient: Function | None = None,
        near: Near | None = None,
    ) -> None:
        self._draw, self._log_q, self._action, self._gradient = draw, log_q, action, gradient
        self._near, self._evaluations = near, 0

    @property
    def evaluations(self) -> int:
        """Of H or its gradient, of single walkers, so far."""
        return self._evaluations

    def fresh(self, count: int, generator: torch.Generator | None) -> Walkers:
        """Independent samples of q."""
        most = at_once(generator.device if generator else torch.device("cpu"))
        parts = [self._draw(min(most, count - start), generator) for start in range(0, count, most)]
        x, log_q = (torch.cat(column) for column in zip(*parts, strict=True))
        return Walkers(x, log_q, self.action(x))

    @property
    def local(self) -> bool:
        """Whether q has steps."""
        return self._near is not None

    def nearby(self, x: Tensor, step: Tensor, generator: torch.Generator | None) -> Walkers:
        """Where steps in q end."""
        assert self._near is not None
        most = at_once(x.device)
        pairs = zip(x.split(most), step.split(most), strict=True)
        parts = [self._near(y, size, generator) for y, size in pairs]
        moved, log_q = (torch.cat(column) for column in zip(*parts, strict=True))
        return Walkers(moved, log_q, self.action(moved))

    def log_q(self, x: Tensor) -> Tensor:
        return torch.cat([self._log_q(part) for part in x.split(at_once(x.device))])

    def action(self, x: Tensor) -> Tensor:
        self._evaluations += len(x)
        return self._action(x).double().nan_to_num(nan=torch.inf, posinf=torch.inf)

    def gradient(self, x: Tensor) -> Tensor:
        self._evaluations += len(x)
        return self._gradient(x) if self._gradient else gradient(self._action, x)


def at_once(device: torch.device) -> int:
    """Walkers that q is asked for at a time."""
    return IN_CACHES if device.type == "cpu" else AT_ONCE
