"""Whether what was sampled is what it should be: the chance of a false alarm is stated, not felt.

Right and normal numbers fail once in 5e8 judgements, six standard errors of one mean. Means of a few hundred
skewed samples are less normal, which may cost two powers of ten and leaves the chance below 1e-6.
"""

import math

import torch
from scipy import stats
from torch import Tensor

FALSE_ALARM = 2e-9
FEWEST = 20.0  # counts that are expected of a cell whose deviation is about normal


def errors(samples: float = math.inf, comparisons: int = 1) -> float:
    """The standard errors that a mean of so many samples may be away: Student's t."""
    return float(stats.t.isf(FALSE_ALARM / 2 / comparisons, samples - 1))


def agrees(value, error, exact, samples: float = math.inf) -> bool:
    """Whether all values are as far from the exact ones as their standard errors allow."""
    away = torch.as_tensor(value - exact).abs()
    return bool((away <= errors(samples, away.numel()) * error).all())


def not_below(value, error, bound, samples: float = math.inf) -> bool:
    """Whether a value may be that of a quantity above the bound."""
    return agrees(min(value - bound, 0.0), error, 0.0, samples)


def scatters_by(values: Tensor, error: float) -> bool:
    """Whether independent normal values have this standard deviation: chi-squared of their spread."""
    return _likely(float(values.var()) / error**2 * (len(values) - 1), len(values) - 1)


def follows(counts: Tensor, expected: Tensor) -> bool:
    """Whether counts of independent samples are those expected of all cells: Pearson's chi-squared.

    Cells that are hit rarely count as one, together with the next one if that is still rare.
    """
    expected, order = expected.sort()
    counts, first = counts[order].to(expected), int((expected < FEWEST).sum())
    if expected[:first].sum() < FEWEST:
        first += 1
    seen, wanted = (torch.cat([x[:first].sum()[None], x[first:]]) for x in (counts, expected))
    return _likely(float(((seen - wanted).square() / wanted).sum()), len(wanted) - 1)


def _likely(chi_squared: float, freedom: int) -> bool:
    low, high = stats.chi2.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], freedom)
    return bool(low <= chi_squared <= high)
