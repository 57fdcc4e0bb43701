"""Works of both directions, drawn so that they cross at the difference of free energies."""

import pytest
import torch

from vfe_lightning.analysis.work_figures import works_figure


def test_two_normal_densities_of_work_cross_at_the_difference():
    """Widths of 2 dissipate 2: <W> forth is 5 + 2 and back -5 + 2, and both curves cross at 5."""
    normal = torch.special.ndtri((torch.arange(20000, dtype=torch.float64) + 0.5) / 20000).view(400, 50)
    axes = works_figure([(7 + 2 * normal, -3 + 2 * normal)]).axes[0]
    curves = {patch.get_label(): patch.get_xy() for patch in axes.patches}
    mode = {name: xy[xy[:, 1].argmax(), 0] for name, xy in curves.items()}
    assert mode["W forth"] == pytest.approx(7, abs=0.6) and mode["-W back"] == pytest.approx(3, abs=0.6)
    near = [xy[(xy[:, 0] > 4.7) & (xy[:, 0] < 5.3), 1].mean() for xy in curves.values()]
    assert near[0] == pytest.approx(near[1], rel=0.1)
