"""Pictures of electrons and protons: who is near whom, and which levels electrons are in."""

from collections.abc import Mapping

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vfe_lightning.estimators.correlations import shell_edges
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
            known = {name: evaluation[key] for name, key in kinds.items() if key in evaluation}
            _correlations(axes, length, known)
        made["pair_correlation"] = figure
    if "occupation" in evaluation:
        made["occupation"] = _occupations(evaluation["occupation"])
    return made


def _correlations(axes: Axes, length: float, known: Mapping[str, Moments]) -> None:
    for name, g in known.items():
        edges = shell_edges(length, len(g.mean))
        middles = (edges[1:] + edges[:-1]) / 2
        axes.errorbar(middles, g.mean.cpu(), g.error.cpu(), fmt=".-", capsize=2, linewidth=0.8, label=name)
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set(xlabel="$r$ / Bohr", ylabel="$g(r)$", xlim=(0, length / 2))
    axes.set_ylim(0)
    if known:
        axes.legend(frameon=False)


def _occupations(n: Moments) -> Figure:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    level = torch.arange(1, len(n.mean) + 1)
    axes.errorbar(level, n.mean.cpu(), n.error.cpu(), fmt="o", capsize=2)
    axes.set(xlabel="level of a geometry, by rising energy", ylabel=r"$\langle n \rangle$ of a spin")
    axes.set_ylim(0)
    return figure
