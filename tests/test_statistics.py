"""Errors of means against series and groups of known statistics."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import agrees

from vfe_lightning.statistics import (
    Moments,
    autocorrelation_time,
    between_group_variance,
    blocking,
    group_means,
)


def autoregressive(length: int, chains: int, a: float, seed: int = 0) -> torch.Tensor:
    """x_t = a x_{t-1} + noise of unit variance: tau = (1 + a) / (2 (1 - a)), variance 1 / (1 - a^2)."""
    noise = torch.randn(length, chains, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = torch.empty_like(noise)
    x[0] = noise[0] / math.sqrt(1 - a * a)
    for t in range(1, length):
        x[t] = a * x[t - 1] + noise[t]
    return x


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=40),
    offset=st.sampled_from([0.0, 1e6]),
    data=st.data(),
)
def test_merged_moments_are_those_of_one_pass(values, offset, data):
    x = torch.tensor(values, dtype=torch.float64) + offset
    first = data.draw(st.integers(1, len(x) - 2))
    second = data.draw(st.integers(first + 1, len(x) - 1))
    parts = [Moments.of(part) for part in (x[:first], x[first:second], x[second:])]
    merged, one = parts[0].merge(parts[1]).merge(parts[2]), Moments.of(x)
    assert merged.count == one.count == len(x)
    assert float(merged.mean) == pytest.approx(float(x.mean()), rel=1e-13, abs=1e-10)
    assert float(merged.variance) == pytest.approx(float(x.var()), rel=1e-10, abs=1e-8)
    assert float(merged.error) == pytest.approx(math.sqrt(float(x.var()) / len(x)), rel=1e-10, abs=1e-8)


def test_moments_keep_the_shape_of_a_profile():
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(Moments.of(x).variance, x.var(dim=0))
    assert Moments.of(x[:1]).error.tolist() == [0.0, 0.0, 0.0]
    alone = Moments.of(x).over_ranks()
    torch.testing.assert_close(alone.squares, Moments.of(x).squares)


def test_group_means_of_contiguous_samples():
    x = torch.tensor([1.0, 3.0, 10.0, 20.0])
    assert group_means(x, 2).tolist() == [2.0, 15.0]
    assert group_means(x, 1) is x


def test_between_group_variance_is_unbiased():
    """2000 estimates of Var = 0.25 beside a noise of variance 4."""
    g = torch.Generator().manual_seed(0)
    states, per_state = 12, 3
    found = []
    for _ in range(2000):
        truth = 0.5 * torch.randn(states, 1, generator=g, dtype=torch.float64)
        noise = 2 * torch.randn(states, per_state, generator=g, dtype=torch.float64)
        found.append(between_group_variance((truth + noise).flatten(), per_state))
    moments = Moments.of(torch.stack(found))
    assert agrees(moments.mean, moments.error, 0.25)
    assert float(moments.error) < 0.03


def test_between_group_variance_without_noise_is_exact():
    x = torch.tensor([1.0, 1.0, 3.0, 3.0], dtype=torch.float64)
    assert float(between_group_variance(x, 2)) == pytest.approx(2.0, rel=1e-15)
    with pytest.raises(ValueError, match="2 samples a group"):
        between_group_variance(x, 1)


@pytest.mark.parametrize("a", [0.0, 0.5, 0.9])
def test_blocking_finds_the_error_of_a_correlated_series(a):
    """The error known exactly for autoregressive series: one is off by 12 %, their mean high by 5 to 10 %."""
    length, chains = 2**13, 64
    x = autoregressive(length, chains, a)
    tau = (1 + a) / (2 * (1 - a))
    exact = math.sqrt(2 * tau / length / (1 - a * a))
    found = [blocking(series) for series in x.mT]
    assert [f.mean for f in found] == pytest.approx(x.mean(dim=0).tolist(), rel=1e-9, abs=1e-14)
    assert 0.9 < sum(f.error for f in found) / chains / exact < 1.25
    assert agrees(x.mean(), exact / math.sqrt(chains), 0.0)
    assert 0.85 < sum(f.autocorrelation_time for f in found) / chains / tau < 1.5
    assert min(f.autocorrelation_time for f in found) >= 0.5


def test_blocking_of_a_constant_and_of_nothing():
    constant = blocking(torch.ones(64))
    assert (constant.mean, constant.error, constant.autocorrelation_time) == (1.0, 0.0, 0.5)
    with pytest.raises(ValueError, match="at least 2"):
        blocking(torch.ones(1))


@pytest.mark.parametrize("a", [0.0, 0.5, 0.9])
def test_autocorrelation_time_of_an_autoregressive_series(a):
    tau = (1 + a) / (2 * (1 - a))
    assert float(autocorrelation_time(autoregressive(4000, 256, a))) == pytest.approx(tau, rel=0.1)


def test_autocorrelation_time_sees_no_difference_between_chains():
    chains = autoregressive(400, 32, 0.5)
    shifted = chains + torch.arange(32)
    torch.testing.assert_close(autocorrelation_time(shifted), autocorrelation_time(chains))
