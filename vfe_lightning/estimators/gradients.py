"""Gradients of expectations over samples: the score function, and what tames its noise."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vfe_lightning import reductions
from vfe_lightning.errors import Refused
from vfe_lightning.estimate import Factor


def clip(cost: Tensor, width: float = 5.0) -> Tensor:
    """Clip real parts to `width` mean absolute deviations around the mean of all ranks: (batch,) -> (batch,).

    For gradients only, never for a reported value: Pfau et al., Phys. Rev. Res. 2, 033429 (2020).
    """
    if cost.is_complex():
        return torch.complex(clip(cost.real, width), cost.imag)
    if math.isinf(width):
        return cost
    centre = reductions.mean(cost)
    deviation = width * reductions.mean((cost - centre).abs())
    return cost.clamp(centre - deviation, centre + deviation)


@dataclass(frozen=True)
class Rows:
    """Centred scores of one factor as real rows X with residuals eps: the gradient of F is X^T eps.

    Where the rows are of a metric and not of scores, the gradient is known without them.

    Complex scores give two rows a sample. X^T X is the Fisher matrix of p, or the quantum Fisher
    matrix Re(<O^* O> - <O>^* <O>) of Psi.

    Attributes:
        x: (rows of this rank, parameters), over the square root of the global number of samples.
        residual: (rows of this rank,).
        count: rows of all ranks.
        per_sample: rows that belong to one sample, next to each other.
        known: the gradient and the trace of its covariance, where they are not made of the rows.
    """

    x: Tensor
    residual: Tensor
    count: int
    per_sample: int = 1
    known: tuple[Tensor, Tensor | None] | None = None

    @classmethod
    def of(cls, factor: Factor) -> "Rows":
        """Scores are centred, so that no constant baseline makes a difference.

        Raises:
            Refused: the gradient of this factor is not made of scores.
        """
        if factor.metric is not None:
            rows = factor.metric()
            count = len(rows) * reductions.world_size()
            return cls(
                rows / count**0.5, rows.new_zeros(len(rows)), count, known=gradient_and_variance(factor)
            )
        if factor.scores is None:
            raise Refused(f"{factor.name} has no scores for a natural gradient: use --optimizer.kind adam")
        scores = factor.scores()
        samples = len(scores) * reductions.world_size()
        centred = (scores - reductions.mean(scores)) / samples**0.5
        cost = weights(factor) * samples**0.5
        if scores.is_complex():
            rows = torch.view_as_real(centred).movedim(-1, 1).flatten(0, 1)
            return cls(rows, 2 * torch.view_as_real(cost).flatten(), 2 * samples, 2)
        return cls(centred, cost, samples)

    def gradient(self) -> Tensor:
        """dF / d parameters over all ranks: (parameters,)."""
        if self.known:
            return self.known[0]
        return reductions.total(self.x.mT @ self.residual)

    def variance(self, gradient: Tensor) -> Tensor | None:
        """Trace of the covariance of that gradient, from the spread of what the samples give: ().

        None of a single sample, which shows no spread.
        """
        if self.known:
            return self.known[1]
        parts = (self.x * self.residual[:, None]).unflatten(0, (-1, self.per_sample)).sum(dim=1)
        return _variance(parts, self.count // self.per_sample, gradient)


def weights(factor: Factor) -> Tensor:
    """What each sample of this rank counts in the gradient: (batch,)."""
    cost = clip(factor.cost, factor.clip)
    if factor.weights is not None:
        return factor.weights(cost)
    return (cost - reductions.mean(cost)) / (len(cost) * reductions.world_size())


def gradient_and_variance(factor: Factor) -> tuple[Tensor, Tensor | None]:
    """dF / d parameters over all ranks, (parameters,), and the trace of its covariance, (), where it shows.

    By one backward pass where the factor has a pullback, and from the matrix of its scores otherwise.
    """
    if factor.pullback is None:
        rows = Rows.of(factor)
        gradient = rows.gradient()
        return gradient, rows.variance(gradient)
    groups = factor.pullback(weights(factor))
    gradient = reductions.total(groups.sum(dim=0))
    return gradient, _variance(groups, len(groups) * reductions.world_size(), gradient)


def _variance(parts: Tensor, count: int, gradient: Tensor) -> Tensor | None:
    """Trace of the covariance of a gradient that is a sum of `count` independent parts over all ranks."""
    if count < 2:
        return None
    squares = reductions.total(parts.square().sum())
    return (squares * count - gradient.square().sum()) / (count - 1)
