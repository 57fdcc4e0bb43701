"""What is drawn is what was measured."""

import math

import pytest
import torch

from vfe_lightning.analysis import spin_figures
from vfe_lightning.analysis.spin_figures import Snapshot
from vfe_lightning.hamiltonians.spins import balanced_patterns

X = torch.randn(64, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64).sign()
SHOT = Snapshot(0.5, X, torch.arange(64, dtype=torch.float64))


def test_configurations_are_the_samples():
    (figure,) = spin_figures.configurations(SHOT, 4).values()
    drawn = torch.stack([torch.as_tensor(a.images[0].get_array()) for a in figure.axes])
    torch.testing.assert_close(drawn, X[: len(drawn)].reshape(-1, 4, 4))


@pytest.mark.parametrize("count", [1, 2])
def test_overlaps_are_those_with_the_first_patterns(count):
    patterns = balanced_patterns(16, count, seed=0)
    (figure,) = spin_figures.overlap_plane([SHOT, SHOT], patterns).values()
    points = torch.as_tensor(figure.axes[0].collections[0].get_offsets().data)
    torch.testing.assert_close(points[:, :count], X @ patterns.mT / 16)


def test_overlap_distribution_is_normalised():
    (figure,) = spin_figures.overlap_distribution(SHOT).values()
    assert sum(p.get_width() * p.get_height() for p in figure.axes[0].patches) == pytest.approx(1)


def test_errors_against_beta_are_relative_to_the_exact_curve():
    exact = ([0.5, 1.0, 2.0], [-4.0, -2.0, -1.0])
    curves = {"mean field": ([0.5, 1.0], [-3.0, -1.0]), "Bethe": ([1.0, 2.0], [-2.2, math.nan])}
    top, bottom = spin_figures.free_energy_against_beta(curves, exact).axes
    assert {text.get_text() for text in top.get_legend().get_texts()} == {"exact", "mean field", "Bethe"}
    errors = {line.get_label(): list(line.get_ydata()) for line in bottom.lines}
    assert errors["mean field"] == pytest.approx([0.25, 0.5])
    assert errors["Bethe"] == pytest.approx([0.1, math.nan], nan_ok=True)


def test_reconstruction_errors_are_drawn_for_every_method():
    curves = {"network": ([0.3, 1.0], [0.003, 0.002]), "naive mean field": ([0.3, 1.0], [0.003, 0.1])}
    (axes,) = spin_figures.reconstruction_error_against_beta(curves).axes
    assert {line.get_label(): list(line.get_ydata()) for line in axes.lines} == {
        name: values for name, (_, values) in curves.items()
    }


def test_couplings_are_drawn_pair_by_pair():
    true = torch.tensor([[0, 1, 2], [1, 0, 3], [2, 3, 0]], dtype=torch.float64)
    (axes,) = spin_figures.couplings_figure(true / 2, true).axes
    assert axes.collections[0].get_offsets().data.tolist() == [[1, 0.5], [2, 1], [3, 1.5]]
