"""Pictures of a study: how its trials went, and what they cost."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from vfe_lightning.analysis.figures import limit

COLORS = {"COMPLETE": "C0", "PRUNED": "C1", "FAIL": "C3", "RUNNING": "C2"}
Number = tuple[float, float]  # a value and its error


def curves(trials: Mapping[int, tuple[str, Mapping[int, float]]]) -> Figure:
    """The smoothed F of each trial against the step, in the colour of its state."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    labelled: set[str] = set()
    for number, (state, curve) in trials.items():
        steps = sorted(curve)
        label = None if state in labelled else state.lower().replace("fail", "failed")
        labelled.add(state)
        axes.plot(steps, [curve[s] for s in steps], ".-", color=COLORS.get(state, "grey"), label=label, lw=1)
        axes.annotate(str(number), (steps[-1], curve[steps[-1]]), fontsize=7)
    axes.set_xlabel("step")
    axes.set_ylabel("F, mean since the last point")
    limit(axes, np.array([v for _, curve in trials.values() for v in curve.values()]), [])
    axes.legend(frameon=False)
    return figure


def pareto(trials: Mapping[int, Sequence[Number]], names: Sequence[str]) -> Figure:
    """Two objectives of the complete trials, with errors; the front is drawn as a line."""
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.subplots()
    front = on_front({n: (first[0], second[0]) for n, (first, second) in trials.items()})
    for number, ((first, error), (second, _)) in trials.items():
        color = "C3" if number in front else "C0"
        axes.errorbar(second, first, np.nan_to_num(error), fmt="o", color=color, capsize=2)
        axes.annotate(f" {number}", (second, first), fontsize=8)
    corners = sorted((trials[n][1][0], trials[n][0][0]) for n in front)
    axes.step(*zip(*corners, strict=True), where="post", color="C3", lw=0.8, label="Pareto front")
    axes.set_xlabel(names[1].replace("_", " "))
    axes.set_ylabel(names[0].replace("_", " "))
    axes.legend(frameon=False)
    return figure


def on_front(points: Mapping[int, tuple[float, float]]) -> set[int]:
    """The points than which no other is as low in both values and lower in one."""
    return {
        n
        for n, p in points.items()
        if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points.values())
    }
