"""Several runs side by side: what they have in common, where they differ, and what they found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from mlflow.entities import Run

from vfe_lightning.analysis.figures import History, limit
from vfe_lightning.analysis.results import units_of_run, with_error

UNIMPORTANT = ("trainer.progress_bar", "trainer.threads", "name")


@dataclass(frozen=True)
class Curve:
    """F of one run by step, with its errors, the exact value if it is known, and what to call it."""

    label: str
    free_energy: History
    error: History
    units: str
    reference: float | None


def differing(runs: Sequence[Run]) -> list[str]:
    """The parameters that are not the same in all runs."""
    names = sorted({name for run in runs for name in run.data.params})
    return [n for n in names if n not in UNIMPORTANT and len({run.data.params.get(n) for run in runs}) > 1]


def table(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run: the parameters in which they differ, then the numbers with their errors.

    Of a run that did not finish the numbers are those of its last training step.
    """
    names = differing(runs)
    return pd.DataFrame([_row(run, names) for run in runs])


def _row(run: Run, names: Sequence[str]) -> dict[str, str]:
    metrics = run.data.metrics

    def number(name: str) -> str:
        key = f"final/{name}" if f"final/{name}" in metrics else name
        value = metrics.get(key)
        return "" if value is None else with_error(value, metrics.get(f"{key}_error", 0.0))

    row = {"run": run.info.run_id[:8]} | {name: run.data.params.get(name, "") for name in names}
    excess = metrics.get("final/excess")
    row |= {"F": number("free_energy"), "E": number("energy"), "S": number("entropy")}
    row["exact F"] = number("reference_free_energy")
    row["excess"] = "" if excess is None else with_error(excess, metrics.get("final/free_energy_error", 0.0))
    row["Var F_loc"] = f"{metrics[k]:.3g}" if (k := "variance") in metrics else ""
    row |= {"units": units_of_run(run.data.tags), "status": run.info.status}
    return row


def overlay(curves: Sequence[Curve], window: int) -> Figure:
    """F against the step with error bands, means over `window` steps, and the exact values as lines."""
    units = list(dict.fromkeys(curve.units for curve in curves))
    figure = Figure(figsize=(8, 4.5 * len(units)), layout="constrained")
    for axes, unit in zip(np.atleast_1d(figure.subplots(len(units), 1)), units, strict=True):
        of_unit = [curve for curve in curves if curve.units == unit]
        shown = []
        for index, curve in enumerate(of_unit):
            steps, mean, error = smoothed(curve.free_energy, curve.error, window)
            axes.fill_between(steps, mean - error, mean + error, color=f"C{index}", alpha=0.25, lw=0)
            axes.plot(steps, mean, color=f"C{index}", lw=1, label=curve.label)
            shown.append(mean)
        references = dict.fromkeys(c.reference for c in of_unit if c.reference is not None)
        for value in references:
            axes.axhline(value, color="black", linestyle="--", lw=1, label=f"exact {value:.6g}")
        axes.set_xlabel("step")
        axes.set_ylabel(f"F / {unit}")
        limit(axes, np.concatenate(shown), list(references))
        axes.legend(frameon=False, fontsize=8)
    return figure


def smoothed(
    values: Mapping[int, float], errors: Mapping[int, float], window: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means of `window` consecutive steps and their standard errors: step, mean, error, (steps / window,)."""
    steps = np.array(sorted(values))
    blocks = [steps[i : i + window] for i in range(0, len(steps), window)]
    mean = [np.mean([values[s] for s in block]) for block in blocks]
    error = [np.sqrt(np.sum([errors.get(s, 0.0) ** 2 for s in block])) / len(block) for block in blocks]
    return np.array([block.mean() for block in blocks]), np.array(mean), np.array(error)
