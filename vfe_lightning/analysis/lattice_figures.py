"""Pictures of fields on a torus: configurations, two-point functions, and the variables of each scale."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning.statistics import Moments

PANELS = 3, 4  # fields that are shown
SHOWN = 4  # samples whose scales are shown


def fields(x: Tensor, name: str = "fields") -> dict[str, Figure]:
    """Some samples, (batch, L, L)."""
    figure = Figure(figsize=(2 * PANELS[1] + 0.8, 2 * PANELS[0]), layout="constrained")
    some = x[: PANELS[0] * PANELS[1]].cpu().numpy()
    largest = np.abs(some).max()
    panels = figure.subplots(*PANELS)
    for axes, field in zip(panels.flat, some, strict=False):
        image = axes.imshow(field, cmap="RdBu", vmin=-largest, vmax=largest)
    for axes in panels.flat:
        axes.set(xticks=[], yticks=[])
    figure.colorbar(image, ax=panels, shrink=0.6)
    return {name: figure}


def two_point(evaluation: Mapping[str, Moments]) -> dict[str, Figure]:
    """<x_0 x_r> along an axis, and the mass that the correlation of whole lines decays with."""
    figure = Figure(figsize=(6, 7), layout="constrained")
    top, bottom = figure.subplots(2, 1)
    for prefix, label in (("", "flow"), ("reweighted_", "reweighted")):
        if f"{prefix}two_point" not in evaluation:
            continue
        correlation = evaluation[f"{prefix}two_point"]
        r = np.arange(len(correlation.mean))
        errors(top, r, correlation.mean, correlation.error, label)
        lines = evaluation[f"{prefix}line_correlation"]
        mass = effective_mass(lines.mean.cpu().numpy())
        bottom.plot(np.arange(1, len(mass) + 1), mass, "o-", markersize=4, linewidth=0.8, label=label)
    top.set(xlabel="r", ylabel=r"$\langle x_0 x_r \rangle$")
    bottom.set(xlabel="t", ylabel="effective mass")
    top.legend(frameon=False)
    return {"two_point": figure}


def effective_mass(correlation: np.ndarray) -> np.ndarray:
    """arccosh (C(t-1) + C(t+1)) / 2 C(t) at t = 1, 2, ..., exact for one particle: (L/2 + 1,) -> (L/2 - 1,).

    NaN where noise leaves no mass.
    """
    ratio = (correlation[:-2] + correlation[2:]) / (2 * correlation[1:-1])
    return np.arccosh(np.where(ratio >= 1, ratio, np.nan))


def scales(variables: Sequence[Tensor]) -> dict[str, Figure]:
    """Samples as each scale sees them, the finest first: (batch, L / 2^d, L / 2^d) each."""
    figure = Figure(figsize=(1.9 * len(variables), 1.9 * SHOWN), layout="constrained")
    panels = figure.subplots(SHOWN, len(variables), squeeze=False)
    for column, x in enumerate(variables):
        some = x[:SHOWN].cpu().numpy()
        largest = np.abs(some).max()
        for axes, field in zip(panels[:, column], some, strict=False):
            axes.imshow(field, cmap="RdBu", vmin=-largest, vmax=largest)
        panels[0, column].set_title(f"{x.shape[1]} x {x.shape[1]}")
    for axes in panels.flat:
        axes.set(xticks=[], yticks=[])
    return {"renormalized": figure}


def errors(axes: Axes, x: np.ndarray, mean: Tensor, error: Tensor, label: str) -> None:
    axes.errorbar(
        x, mean.cpu().numpy(), error.cpu().numpy(), fmt="o-", markersize=4, linewidth=0.8, label=label
    )
