"""Integrals with narrow peaks, wherever they lie in the first cells."""

import math

import torch
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from vfe_lightning.exact.quadrature import integrate


@settings(max_examples=examples(80), deadline=None)
@given(width=st.floats(-7, 0).map(lambda x: 10**x), place=st.floats(-1, 1), dim=st.sampled_from([1, 1, 2]))
def test_narrow_peaks_are_whole(width, place, dim):
    """The cell beside that of a peak holds what is beyond the border, which no node of its own may see."""
    width = max(width, 1e-3) if dim == 2 else width
    peak = torch.full((1, dim), place, dtype=torch.float64)

    def action(x: torch.Tensor) -> torch.Tensor:
        return ((x - peak) / width).square().sum(dim=1) / 2

    found = integrate(action, action, [(-1.5, 1.5)] * dim, peak, noise=8 * 2e-16 / width)
    assert abs(found.log - dim * math.log(width * math.sqrt(2 * math.pi))) <= found.log_error + 1e-13
    assert abs(found.mean - dim / 2) <= found.mean_error + 1e-13
