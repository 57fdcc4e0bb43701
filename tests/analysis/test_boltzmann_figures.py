"""Histograms of single samples, whose mean is a density."""

import math

import pytest
import torch

from vfe_lightning.estimators.molecule import CELLS, histogram, torsion_histogram


def test_torsions_are_counted_on_the_torus():
    turn = 2 * math.pi
    torsions = torch.tensor([[-3.14, 0.1], [0.1, -3.04], [0.1 + turn, 0.1 - turn]]).double()
    counts = torsion_histogram(torsions)
    width = 360 / CELLS
    assert counts.sum(dim=1).mul(width**2).tolist() == pytest.approx([1, 1, 1])
    cells = [divmod(k, CELLS) for k in counts.argmax(dim=1).tolist()]
    half = CELLS // 2
    assert cells == [(0, half), (half, 0), (half, half)]


def test_values_beyond_the_window_are_not_counted():
    counts = histogram(torch.tensor([0.0, 0.5, 2.0]), (0.0, 1.0))
    assert (counts.sum(dim=1) / counts.shape[1]).tolist() == pytest.approx([1, 1, 0])
