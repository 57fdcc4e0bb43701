"""What a scan over any parameters found: a table, and F or its excess against one of them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vfe_lightning.result import Result

SEED = "seed"
DECADES = 50  # from the least to the largest value, beyond which the axis is logarithmic
FOUND = ("free_energy", "reference_free_energy", "excess", "energy", "entropy", "importance_free_energy")


def table(points: Sequence[Mapping[str, Any]], results: Sequence[Result]) -> pd.DataFrame:
    """One row a run in the order of its point: what is known of it, with errors; no column of nothing."""
    rows = []
    for point, r in zip(points, results, strict=True):
        row = dict(point)
        for name in FOUND:
            row[name], row[f"{name}_error"] = r.number(name)
        row["excess_error"] = row["free_energy_error"] if math.isfinite(row["excess"]) else math.nan
        rows.append(row | {"alarms": ", ".join(r.alarms or {}) or None, "run": (r.run_id or "")[:8]})
    return pd.DataFrame(rows).dropna(axis="columns", how="all")


def figure(rows: pd.DataFrame, axes: Sequence[str], curves: Sequence[str], units: str) -> Figure:
    """The excess over the exact F where all have one, else F, against the first axis of numbers.

    Several seeds of one point are their mean, and their scatter is its error.

    Args:
        axes: the columns that were scanned.
        curves: those of them that have a few values: a curve for each of their combinations.
    """
    what = "excess" if "excess" in rows and np.isfinite(rows["excess"].astype(float)).all() else "free_energy"
    numbers = [name for name in axes if rows[name].dtype.kind in "iuf"]
    against = [*(name for name in numbers if name != SEED), *numbers, axes[0]][0]
    points = averaged(rows, [name for name in axes if name != SEED or name == against], what)
    others = [name for name in curves if name not in (against, SEED)]
    drawn = Figure(figsize=(7, 4.5), layout="constrained")
    panel = drawn.subplots()
    for _, curve in points.groupby(others, sort=False, dropna=False) if others else [((), points)]:
        curve = curve.sort_values(against) if against in numbers else curve.astype({against: str})
        label = ", ".join(f"{name} {curve[name].iloc[0]}" for name in others)
        style = "o-" if against in curves else "o"
        panel.errorbar(curve[against], curve[what], curve["error"], fmt=style, capsize=2, lw=1, label=label)
    if what == "excess":
        panel.axhline(0, color="grey", lw=0.8)
    name = "(F - exact F)" if what == "excess" else "F"
    panel.set_xlabel(against)
    x = rows[against].to_numpy()
    if against in numbers and 0 < DECADES * x.min() < x.max():
        panel.set_xscale("log")
    panel.set_ylabel(f"{name} / ({units})" if units else name)
    if others:
        panel.legend(frameon=False)
    return drawn


def averaged(rows: pd.DataFrame, axes: Sequence[str], what: str) -> pd.DataFrame:
    """One row a point of these axes: the mean over its runs, and the error of the one, or their scatter."""
    found = []
    for _, same in rows.groupby(list(axes), sort=False, dropna=False):
        known = same[what].to_numpy(dtype=float)
        error = np.std(known, ddof=1) if len(known) > 1 else float(same[f"{what}_error"].iloc[0])
        found.append({**same[list(axes)].iloc[0], what: known.mean(), "error": np.nan_to_num(error)})
    return pd.DataFrame(found)
