"""Pictures of electrons and protons: who is near whom, and which levels electrons are in."""

from collections.abc import Mapping

import torch
from matplotlib.figure import Figure

from vfe_lightning.analysis.particle_figures import draw_correlations
from vfe_lightning.statistics import Moments

ALIKE = {
    "protons": "pair_correlation_protons",
    "electrons of equal spin": "pair_correlation_equal",
    "electrons of opposite spin": "pair_correlation_opposite",
}
ATTRACTED = {"electrons and protons": "pair_correlation_proton"}


def hydrogen_figures(length: float, evaluation: Mapping[str, Moments]) -> dict[str, Figure]:
    """What was measured: g(r) of all kinds of pairs, in a cube of that side in Bohr, and <n> of levels."""
    made = {}
    if ATTRACTED.values() & evaluation.keys():
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        for axes, kinds in zip(figure.subplots(1, 2), (ALIKE, ATTRACTED), strict=True):
            draw_correlations(axes, evaluation, kinds, length, "$r$ / Bohr")
        made["pair_correlation"] = figure
    if "occupation" in evaluation:
        made["occupation"] = _occupations(evaluation["occupation"])
    return made


def _occupations(n: Moments) -> Figure:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    level = torch.arange(1, len(n.mean) + 1)
    axes.errorbar(level, n.mean.cpu(), n.error.cpu(), fmt="o", capsize=2)
    axes.set(xlabel="level of a geometry, by rising energy", ylabel=r"$\langle n \rangle$ of a spin")
    axes.set_ylim(0)
    return figure
