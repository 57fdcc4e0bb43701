"""Works forth and back between neighbouring states: where the two meet is the difference of free energies."""

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

LONGEST = 0.99  # quantile of the works that are drawn
BINS = 60


def works_figure(stages: Sequence[tuple[Tensor, Tensor]]) -> Figure:
    """p(W) forth and p(-W) back of each stage, of (chains, kept) each; they cross at its beta Delta F."""
    figure = Figure(figsize=(3 * len(stages) + 1, 3), layout="constrained")
    panels = figure.subplots(1, len(stages), squeeze=False)[0]
    for k, (axes, (forth, back)) in enumerate(zip(panels, stages, strict=True)):
        forth, back = forth.flatten().cpu(), back.flatten().cpu()
        edges = torch.linspace(-back.quantile(LONGEST).item(), forth.quantile(LONGEST).item(), BINS + 1)
        axes.hist(forth, edges.tolist(), density=True, histtype="step", label="W forth")
        axes.hist(-back, edges.tolist(), density=True, histtype="step", label="-W back")
        axes.set(xlabel=r"$\beta W$", title=f"stage {k + 1}", yticks=[])
    panels[0].legend(frameon=False)
    return figure
