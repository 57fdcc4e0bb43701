"""Pictures of classical spins: configurations, overlaps, and curves against the inverse temperature."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning.estimators.snapshot import Snapshot

PANELS = 3, 4  # configurations that are shown
FIRST, LARGEST = 500, 2000  # samples of a scatter plot and of a histogram of pairs


def configurations(
    shot: Snapshot, L: int, limits: tuple[float, float] = (-1, 1), colours: str = "Greys"
) -> dict[str, Figure]:
    """Some configurations of an L x L lattice, whose sites have values within limits."""
    figure = Figure(figsize=(2 * PANELS[1], 2 * PANELS[0] + 0.4), layout="constrained")
    for axes, s in zip(figure.subplots(*PANELS).flat, shot.x.cpu(), strict=False):
        axes.imshow(s.reshape(L, L).numpy(), cmap=colours, vmin=limits[0], vmax=limits[1])
    for axes in figure.axes:
        axes.set(xticks=[], yticks=[])
    figure.suptitle(rf"independent samples at $\beta$ = {shot.beta:g}, L = {L}")
    return {"configurations": figure}


def overlap_plane(shots: Sequence[Snapshot], patterns: Tensor) -> dict[str, Figure]:
    """Overlaps of samples with the first two patterns, coloured by ln p: Wu, Wang & Zhang (2019), fig. 3."""
    figure = Figure(figsize=(5.2 * len(shots), 4.4), layout="constrained")
    for axes, shot in zip(np.atleast_1d(figure.subplots(1, len(shots))), shots, strict=True):
        o = (shot.x[:FIRST].cpu() @ patterns[:2].mT / patterns.shape[1]).numpy()
        y = o[:, 1] if o.shape[1] > 1 else np.zeros(len(o))
        points = axes.scatter(o[:, 0], y, c=shot.log_prob[:FIRST].cpu().numpy(), s=8, cmap="viridis")
        figure.colorbar(points, ax=axes, label=r"$\ln p(s)$")
        axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xlabel="$O_1$", ylabel="$O_2$")
        axes.set_aspect("equal")
        axes.set_title(rf"$\beta$ = {shot.beta:.3g}")
    return {"overlap_plane": figure}


def overlap_distribution(shot: Snapshot) -> dict[str, Figure]:
    """P(q) of the overlaps of pairs of independent samples."""
    x = shot.x[:LARGEST].cpu()
    half = len(x) // 2
    q = (x[:half] @ x[half : 2 * half].mT / x.shape[1]).flatten()
    edges = torch.linspace(-1, 1, min(x.shape[1], 40) + 2, dtype=q.dtype)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.hist(q.numpy(), bins=edges.tolist(), density=True)
    axes.set(xlabel="q", ylabel="P(q)", title=rf"overlaps of two samples, $\beta$ = {shot.beta:g}")
    return {"overlap_distribution": figure}


Curves = Mapping[str, tuple[Sequence[float], Sequence[float]]]  # name: (beta, value)


def free_energy_against_beta(curves: Curves, exact: tuple[Sequence[float], Sequence[float]]) -> Figure:
    """F of several methods and, below, their relative errors; NaN leaves a gap."""
    figure = Figure(figsize=(6, 7), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    top.plot(*exact, "k-", linewidth=1, label="exact")
    known = dict(zip(*exact, strict=True))
    for name, (beta, f) in curves.items():
        top.plot(beta, f, ".--", linewidth=0.8, label=name)
        error = [
            abs((v - known[b]) / known[b]) if b in known else np.nan for b, v in zip(beta, f, strict=True)
        ]
        bottom.semilogy(beta, error, ".--", linewidth=0.8, label=name)
    top.set_ylabel("F / J per spin")
    bottom.set(xlabel=r"$\beta$", ylabel="relative error of F")
    top.legend(frameon=False)
    return figure


def reconstruction_error_against_beta(curves: Curves) -> Figure:
    """Errors of inferred couplings of several methods: Wu, Wang & Zhang (2019), fig. 4 b."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, (beta, error) in curves.items():
        axes.semilogy(beta, error, ".--", linewidth=0.8, label=name)
    axes.set(xlabel=r"$\beta$", ylabel="reconstruction error of J")
    axes.legend(frameon=False)
    return figure


def couplings_figure(inferred: Tensor, true: Tensor) -> Figure:
    """Inferred against true couplings of all pairs: (n, n) each."""
    i, j = torch.triu_indices(len(true), len(true), 1)
    a, b = true[i, j].cpu(), inferred[i, j].detach().cpu()
    figure = Figure(figsize=(4.6, 4.4), layout="constrained")
    axes = figure.subplots()
    limits = [min(a.min(), b.min()).item(), max(a.max(), b.max()).item()]
    axes.plot(limits, limits, color="grey", linewidth=0.8)
    axes.scatter(a.numpy(), b.numpy(), s=8)
    axes.set(xlabel="true $J_{ij}$", ylabel="inferred $J_{ij}$")
    return figure
