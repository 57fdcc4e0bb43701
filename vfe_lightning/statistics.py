"""Means and their honest errors: independent samples, grouped samples, correlated series."""

import math
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from vfe_lightning import reductions

TINY = 1e-12  # share of all samples but one, below which that one is alone


@dataclass(frozen=True)
class Moments:
    """Count, mean and sum of squared deviations of independent samples, merged pairwise.

    Chan, Golub & LeVeque, Am. Stat. 37, 242 (1983): no cancellation of large sums.

    Attributes:
        units: of the mean; empty for a number without.
        per: what the mean is of: an electron, a spin, a site, the whole system; empty where it is of none.
    """

    count: int
    mean: Tensor  # (...)
    squares: Tensor  # (...)
    units: str = ""
    per: str = ""

    @classmethod
    def of(cls, x: Tensor) -> Self:
        """Moments of independent samples: (samples, ...)."""
        mean = x.mean(dim=0)
        return cls(len(x), mean, (x - mean).square().sum(dim=0))

    @classmethod
    def exactly(cls, value: float | Tensor) -> Self:
        """A number without an error."""
        value = torch.as_tensor(value, dtype=torch.float64)
        return cls(1, value, torch.zeros_like(value))

    @classmethod
    def with_error(cls, mean: Tensor, error: Tensor, *, count: int = 2) -> Self:
        """A number with its standard error, as moments of that many samples."""
        return cls(count, mean, error.square() * count * (count - 1))

    def measured_in(self, units: str, per: str = "") -> Self:
        """The same number, which says its units and what it is of."""
        return replace(self, units=units, per=per)

    def plain(self) -> dict[str, float | str]:
        """Of a single number, for JSON."""
        return {
            "value": self.mean.item(), "error": self.error.item(), "units": self.units, "per": self.per
        }  # fmt: skip

    def scaled(self, factor: float) -> Self:
        """The moments of so many times the samples."""
        return replace(self, mean=self.mean * factor, squares=self.squares * factor**2)

    def merge(self, other: "Moments") -> "Moments":
        count = self.count + other.count
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        squares = self.squares + other.squares + step.square() * (self.count * other.count / count)
        return replace(self, count=count, mean=mean, squares=squares)

    def over_ranks(self) -> "Moments":
        """The moments of the samples of all ranks, which hold equally many each."""
        ranks = reductions.world_size()
        mean = reductions.total(self.mean) / ranks
        spread = self.count * (self.mean - mean).square()
        squares = reductions.total(self.squares + spread)
        return replace(self, count=self.count * ranks, mean=mean, squares=squares)

    @property
    def variance(self) -> Tensor:
        return self.squares / max(self.count - 1, 1)

    @property
    def error(self) -> Tensor:
        """Standard error of the mean."""
        return (self.variance / self.count).sqrt()


@dataclass(frozen=True)
class Importance:
    """Reweighting of independent samples of p to the Gibbs state.

    Nicoli et al., Phys. Rev. E 101, 023304 (2020). Consistent; a single estimate of F may fall below
    the exact one, and an error bar means little where the effective sample size is not many samples.

    Attributes:
        log_weights: ln w = -beta E - ln p, (samples,).
    """

    log_weights: Tensor

    @property
    def _weights(self) -> Moments:
        return Moments.of((self.log_weights - self.log_weights.max()).exp())

    def free_energy(self, unit: float) -> Moments:
        """-unit ln <w> with its error by linear propagation, as moments of that many samples."""
        w, count = self._weights, len(self.log_weights)
        mean = -unit * (w.mean.log() + self.log_weights.max())
        return Moments.with_error(mean, unit * w.error / w.mean, count=count)

    def entropy(self, action: Tensor) -> Moments:
        """S = <beta E> + ln <w> with its error, as of `mean`: beta E (samples,) -> moments of ()."""
        count, shares = len(action), self.log_weights.softmax(0)
        mean = shares @ action
        log_z = self.log_weights.logsumexp(0) - math.log(count)
        influence = (shares * (action - mean + 1) - 1 / count) / (1 - shares).clamp(min=TINY)
        return Moments.with_error(mean + log_z, influence.norm() * math.sqrt(1 - 1 / count), count=count)

    def variance(self, x: Tensor) -> Moments:
        """<(x - <x>)^2> of the Gibbs state: (samples,) -> moments of ()."""
        return self.mean((x - self.mean(x).mean).square())

    def mean(self, x: Tensor) -> Moments:
        """<w x> / <w> with its error by the jackknife: (samples, ...) -> moments of (...)."""
        w, count = self.log_weights.softmax(0), len(self.log_weights)
        mean = torch.einsum("b,b...->...", w, x)
        left_out = (w / (1 - w).clamp(min=TINY)).square()  # by how much the mean is another without each
        squares = torch.einsum("b,b...->...", left_out, (x - mean).square())
        return Moments(count, mean, squares * (count - 1) ** 2)

    @property
    def effective_sample_size(self) -> Moments:
        """(sum w)^2 / (samples sum w^2), between 0 and 1."""
        w = self._weights
        share = w.mean.square() / (w.mean.square() + w.squares / w.count)
        return Moments.exactly(share)


def group_means(x: Tensor, correlated: int) -> Tensor:
    """Means of contiguous groups of samples that belong together: (batch, ...) -> (groups, ...)."""
    return x.unflatten(0, (-1, correlated)).mean(dim=1) if correlated > 1 else x


def between_group_variance(x: Tensor, correlated: int) -> Tensor:
    """Unbiased variance of the true group means, the noise within groups removed: (batch,) -> ().

    For F_loc grouped by K it is Var_K E[F_loc | K], which vanishes at the optimum of p(K). It
    may come out below zero where it is small. One-way analysis of variance, Fisher (1925).

    Raises:
        ValueError: with fewer than two samples a group the two parts cannot be told apart.
    """
    if correlated < 2:
        raise ValueError(f"the variance between groups needs 2 samples a group, got {correlated}")
    groups = x.unflatten(0, (-1, correlated))
    within = reductions.mean(groups.var(dim=1))
    return Moments.of(groups.mean(dim=1)).over_ranks().variance - within / correlated


@dataclass(frozen=True)
class Blocked:
    """Mean of a correlated series, its error, and the integrated autocorrelation time."""

    mean: float
    error: float
    autocorrelation_time: float  # in entries of the series; 0.5 when they are independent


def blocking(series: Tensor, least_blocks: int = 16) -> Blocked:
    """Error of the mean of a correlated series: (length,).

    Neighbours are averaged pairwise until the error stops rising; the largest error of all levels
    that keep `least_blocks` blocks is taken. Flyvbjerg & Petersen, J. Chem. Phys. 91, 461 (1989).
    """
    series = series.detach().double()
    if len(series) < 2:
        raise ValueError(f"an error needs at least 2 entries, got {len(series)}")
    naive = (series.var() / len(series)).item()
    worst, blocks = naive, series
    while len(blocks) // 2 >= least_blocks:
        blocks = blocks[: len(blocks) // 2 * 2].unflatten(0, (-1, 2)).mean(dim=1)
        worst = max(worst, (blocks.var() / len(blocks)).item())
    time = 0.5 * worst / naive if naive > 0 else 0.5
    return Blocked(series.mean().item(), worst**0.5, time)


def autocorrelation_time(series: Tensor) -> Tensor:
    """Integrated autocorrelation time of many chains at once: (length, chains) -> ().

    tau = 1/2 + sum_t rho(t), the sum cut at the first t >= 5 tau(t): Sokal, Monte Carlo methods in
    statistical mechanics (1997).
    """
    length = len(series)
    centred = series - series.mean(dim=0)
    spectrum = torch.fft.rfft(centred, n=2 * length, dim=0)
    covariance = torch.fft.irfft(spectrum.abs().square(), dim=0)[:length].mean(dim=1)
    rho = covariance / covariance[0].clamp(min=torch.finfo(series.dtype).tiny)
    running = 0.5 + torch.cumsum(rho[1:], dim=0)
    enough = torch.arange(1, length, device=series.device) >= 5 * running
    return running[enough.to(torch.int8).argmax()] if enough.any() else running[-1]
