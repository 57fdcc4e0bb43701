"""Several runs side by side: what they have in common, where they differ, and what they found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from mlflow.entities import Run

from vfe_lightning.analysis.figures import History, limit
from vfe_lightning.analysis.quoted import EXACT, before_curves, quoted, quoted_or_last
from vfe_lightning.analysis.results import units_of_run
from vfe_lightning.notation import with_error

if TYPE_CHECKING:
    from mlflow import MlflowClient

COLUMNS = 6  # parameters in the table; the others that differ are named below it
SHORT = 2  # parameters in a label


@dataclass(frozen=True)
class Curve:
    """F of one run by step, with its errors, the exact value if it is known, and what to call it."""

    label: str
    free_energy: History
    error: History
    units: str
    reference: float | None


def differing(runs: Sequence[Run]) -> list[str]:
    """The parameters that mean something and are not the same in all runs, the most telling first.

    A parameter that some runs do not have belongs to another system or kind of part, which is named.
    The budget is none of them: the table says what the runs did.
    """
    shared = set.intersection(*(set(run.data.params) for run in runs))
    names = [
        n
        for n in runs[0].data.params
        if n in shared and n != "name" and not n.startswith(("trainer.", "vfe."))
    ]
    different = [n for n in names if len({run.data.params[n] for run in runs}) > 1]
    return sorted(different, key=lambda n: (n == "seed", n.startswith("optimizer."), n.count(".")))


def of_one_experiment(runs: Sequence[Run]) -> bool:
    return len({experiment_of(run) for run in runs}) == 1


def experiment_of(run: Run) -> str:
    return run.data.params.get("name", "")


def table(runs: Sequence[Run], steps: Mapping[str, int]) -> tuple[pd.DataFrame, list[str]]:
    """One row a run: the parameters in which they differ, the steps that it took, then its numbers.

    Runs of several systems are told by their names, which hold the physics of each. Of a run that did
    not finish the numbers are those of its last training step.

    Returns:
        The table, and the names of the parameters that also differ.
    """
    names = differing(runs)
    shown = names[:COLUMNS] if of_one_experiment(runs) else []
    return pd.DataFrame([_row(run, shown, steps) for run in runs]).dropna(axis=1, how="all").fillna(""), [
        n for n in names if n not in shown
    ]


def _row(run: Run, names: Sequence[str], steps: Mapping[str, int]) -> dict[str, object]:
    metrics = run.data.metrics

    def number(name: str) -> str | None:
        value, error = quoted_or_last(metrics, name)
        return None if value is None else with_error(value, float("nan") if error is None else error)

    excess, exact, error = (quoted(metrics, name) for name in ("excess", EXACT, "free_energy_error"))
    variance, _ = quoted_or_last(metrics, "variance")
    same = {"run": run.info.run_id[:8]} | {name: run.data.params[name] for name in names}
    other = {"run": run.info.run_id[:8], "experiment": experiment_of(run), "parameters": run.info.run_name}
    return {
        **(same if names else other),
        "steps": steps.get(run.info.run_id, 0),
        "F": number("free_energy"),
        "exact F": None if exact is None else with_error(exact, 0.0),
        "excess": None if excess is None else with_error(excess, error or 0.0),
        "Var F_loc": None if variance is None else f"{variance:.3g}",
        "E": number("energy"),
        "S": number("entropy"),
        "units": units_of_run(run.data.tags),
        "status": run.info.status,
    }


def curve(client: "MlflowClient", run: Run, runs: Sequence[Run]) -> Curve:
    """F of one of the runs by step, labelled by its id and by what tells it from the others."""

    def history(metric: str) -> dict[int, float]:
        name = before_curves(run.data.metrics) + metric
        return {m.step: m.value for m in client.get_metric_history(run.info.run_id, name)}

    names = differing([r for r in runs if experiment_of(r) == experiment_of(run)])[:SHORT]
    told = " ".join(
        f"{name.removesuffix('.kind').rpartition('.')[2]}={run.data.params[name]}" for name in names
    )
    several = "" if of_one_experiment(runs) else experiment_of(run)
    return Curve(
        label=" ".join(word for word in (run.info.run_id[:8], several, told) if word),
        free_energy=history("free_energy"),
        error=history("free_energy_error"),
        units=units_of_run(run.data.tags),
        reference=quoted(run.data.metrics, EXACT),
    )


def overlay(curves: Sequence[Curve], window: int) -> Figure:
    """F against the step with error bands, means over `window` steps, and the exact values as lines."""
    units = list(dict.fromkeys(curve.units for curve in curves))
    figure = Figure(figsize=(8, 5 * len(units)), layout="constrained")
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
            of = next(index for index, c in enumerate(of_unit) if c.reference == value)
            color = f"C{of}" if len(references) > 1 else "black"
            axes.axhline(value, color=color, linestyle="--", lw=1, label=f"exact {value:.6g}")
        axes.set_xlabel("step")
        axes.set_ylabel(f"F / {unit}")
        limit(axes, np.concatenate(shown), list(references))
        axes.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
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
