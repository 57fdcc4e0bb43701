"""Pictures of classical particles: the density in a trap and where samples lie, g(r) in a periodic cube."""

from collections.abc import Callable, Mapping

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning.estimators.correlations import shell_edges
from vfe_lightning.statistics import Moments

CLOUD = 3000  # particles that are drawn
FEW = 4  # configurations that are drawn one by one


def trap_figures(
    evaluation: Mapping[str, Moments],
    x: Tensor,
    edge: float,
    exact: Callable[[Tensor], Tensor] | None,
) -> dict[str, Figure]:
    """n(r) of the flow and of the Gibbs state, and in two dimensions some configurations (batch, n, 2)."""
    known = {"flow": evaluation["density"], "reweighted": evaluation["reweighted_density"]}
    figures = {"density": density_figure(known, edge, exact)}
    if x.shape[2] == 2:
        figures["configurations"] = configurations_figure(x.cpu(), edge)
    return figures


def density_figure(
    known: Mapping[str, Moments], edge: float, exact: Callable[[Tensor], Tensor] | None
) -> Figure:
    """n(r) with error bars; cold particles stand in shells."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, n in known.items():
        edges = torch.linspace(0, edge, len(n.mean) + 1)
        middles = (edges[1:] + edges[:-1]) / 2
        axes.errorbar(middles, n.mean.cpu(), n.error.cpu(), fmt=".-", capsize=2, linewidth=0.8, label=name)
    if exact is not None:
        r = torch.linspace(0, edge, 400, dtype=torch.float64)
        axes.plot(r, exact(r), "k--", linewidth=1, label="exact")
    axes.set(xlabel="$r$", ylabel="$n(r)$", xlim=(0, edge))
    axes.set_ylim(0)
    axes.legend(frameon=False)
    return figure


def pair_figures(evaluation: Mapping[str, Moments], length: float, label: str) -> dict[str, Figure]:
    """g(r) of the flow, reweighted, and of the Gibbs state where that is known; the cube has side length."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    of = {"flow": "", "reweighted": "reweighted_", "Gibbs state": "smc_"}
    keys = {name: f"{prefix}pair_correlation" for name, prefix in of.items()}
    draw_correlations(figure.subplots(), evaluation, keys, length, label)
    return {"pair_correlation": figure}


def draw_correlations(
    axes: Axes, evaluation: Mapping[str, Moments], keys: Mapping[str, str], length: float, label: str
) -> None:
    """All g(r) that were measured, by their names in the legend, in a cube of that side."""
    known = {name: evaluation[key] for name, key in keys.items() if key in evaluation}
    for name, g in known.items():
        edges = shell_edges(length, len(g.mean))
        middles = (edges[1:] + edges[:-1]) / 2
        axes.errorbar(middles, g.mean.cpu(), g.error.cpu(), fmt=".-", capsize=2, linewidth=0.8, label=name)
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set(xlabel=label, ylabel="$g(r)$", xlim=(0, length / 2))
    axes.set_ylim(0)
    if known:
        axes.legend(frameon=False)


def configurations_figure(x: Tensor, edge: float) -> Figure:
    """All particles of many samples, and single samples one by one."""
    figure = Figure(figsize=(8.4, 4), layout="constrained")
    cloud, *single = figure.subplot_mosaic(
        [["all", "a", "b"], ["all", "c", "d"]], width_ratios=(2, 1, 1)
    ).values()
    every = x.flatten(0, 1)[:CLOUD]
    cloud.scatter(every[:, 0], every[:, 1], s=2, linewidths=0)
    for axes, one in zip(single, x[:FEW], strict=False):
        axes.scatter(one[:, 0], one[:, 1], s=12)
    for axes in (cloud, *single):
        axes.set(xlim=(-edge, edge), ylim=(-edge, edge), xticks=[], yticks=[], aspect="equal")
    return figure
