"""Pictures of how a run went."""

import numpy as np

from vfe_lightning.analysis.figures import convergence


def test_convergence_shows_the_references():
    f = {step: -1.0 + 1 / step for step in range(1, 50)}
    figure = convergence(
        f, dict.fromkeys(f, 0.1), f, dict.fromkeys(f, 0.2), "Ry", "electron", {"exact": -1.1}
    )
    top = figure.axes[0]
    assert [line.get_label() for line in top.get_lines()][1] == "exact -1.1"
    assert top.get_ylim()[0] < -1.1


def test_no_line_goes_through_the_legend_and_the_title_says_what_was_found():
    f = {step: -1.0 for step in range(1, 50)}
    exact = dict.fromkeys(f, 1e-314)
    figure = convergence(
        f, dict.fromkeys(f, 0.1), f, exact, "Ry", "electron", {"exact": -1.1, "Hartree-Fock": -0.9}, "F = -1"
    )
    assert figure.axes[0].get_title() == "F = -1"
    assert [axes.get_legend() for axes in figure.axes] == [None] * 3 and len(figure.legends) == 1
    figure.canvas.draw()
    legend = figure.legends[0].get_window_extent()
    assert legend.y0 > figure.axes[0].get_window_extent().y1


def test_a_variance_of_nothing_but_rounding_does_not_stretch_its_axis():
    f = dict.fromkeys(range(1, 50), -2.0)
    variance = {step: 10.0**-step for step in f} | {49: 0.0}
    figure = convergence(f, {}, f, variance, "J", "spin", {})
    shown = np.asarray(figure.axes[2].get_lines()[0].get_ydata(), dtype=float)
    assert shown.min() == (1e-10 * 2.0) ** 2 and figure.axes[2].get_ylim()[0] > 1e-22
