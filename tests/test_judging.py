"""What judges the samples: it passes what is right at its stated chance, and fails what is not."""

import math

import pytest
import torch
from judging import FALSE_ALARM, agrees, errors, follows, not_below, scatters_by
from scipy import stats

P = torch.tensor([0.4, 0.3, 0.2, 0.0999, 0.0001], dtype=torch.float64)


def test_a_mean_of_many_may_be_six_errors_away_and_one_of_few_more():
    assert errors() == pytest.approx(6, abs=0.01)
    assert 2 * stats.t.sf(errors(9, comparisons=3), 8) == pytest.approx(FALSE_ALARM / 3)
    assert errors(9) > errors(30) > errors() and errors(comparisons=100) > errors()


def test_values_agree_within_their_errors_alone():
    error = torch.tensor([0.1, 0.2], dtype=torch.float64)
    assert agrees(5 * error, error, 0.0) and not agrees(torch.tensor([0.1, 1.3]), error, 0.0)
    assert agrees(1.5, 0.1, 1.0) and not agrees(1.7, 0.1, 1.0) and not agrees(math.nan, 0.1, 1.0)
    assert not_below(7.0, 0.1, 1.0) and not_below(0.5, 0.1, 1.0) and not not_below(0.3, 0.1, 1.0)


def test_spreads_that_are_stated_wrong_are_seen():
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert scatters_by(x, 1.0) and not scatters_by(x, 0.7) and not scatters_by(x, 1.5)


def test_counts_follow_their_own_probabilities_alone():
    """A cell that is expected twice in 20000 samples makes no alarm when it is hit five times."""
    counts = torch.tensor([8070, 5950, 3960, 2015, 5])
    assert follows(counts, 20000 * P)
    assert not follows(counts, 20000 * P.flip(0))
    assert not follows(counts * 100, 2e6 * torch.tensor([0.41, 0.29, 0.2, 0.0999, 0.0001]).double())
    assert not follows((20000 * P).double(), 20000 * P)  # no samples are as even as that
