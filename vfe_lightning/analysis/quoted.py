"""Quoted numbers among the metrics of a recorded run, told from the curves of the training by their names.

They stand first where names are sorted. There are few, since MLflow draws a chart of each: all numbers are
in the run's description and in its artifact results.csv. Of a curve MLflow shows the last batch, which nobody
is to take for the result. Runs of earlier versions have `final/` before quoted numbers and nothing before
their curves.
"""

from collections.abc import Collection, Mapping

from vfe_lightning.result import Result

PREFIX, EARLIER = "_quoted/", "final/"
TRAINING = "train/"  # before the names of what each step has measured
HEADLINES = ("free_energy", "energy", "entropy")
ANSWERS = ("free_energy_difference", *(f"smc_{name}" for name in HEADLINES))  # where there are such
EXACT = "reference_free_energy"


def metrics(result: Result, asked: Collection[str] = ()) -> dict[str, float]:
    """What is recorded of a result; the difference or the exact values that are asked for, too.

    Args:
        asked: observables of the user's, which are recorded as well, with their values in the Gibbs state.
    """
    names = [*HEADLINES, *(f"{name}_error" for name in HEADLINES), "variance", "excess", EXACT]
    found = {name: value for name in names if (value := getattr(result, name)) is not None}
    observables = result.observables or {}
    for name in (*ANSWERS, *(f"{of}{name}" for of in ("", "reweighted_", "smc_") for name in asked)):
        if measured := observables.get(name):
            found |= {name: measured["value"], f"{name}_error": measured["error"]}
    return {PREFIX + name: value for name, value in found.items()}


def is_quoted(name: str) -> bool:
    """Whether a metric is no curve of the training."""
    return name.startswith((PREFIX, EARLIER))


def before_curves(known: Collection[str]) -> str:
    """What stands before the names of a run's curves, by all of its metrics."""
    return "" if "free_energy" in known and f"{TRAINING}free_energy" not in known else TRAINING


def quoted(known: Mapping[str, float], name: str) -> float | None:
    """A number of the evaluation, if there was one."""
    return known.get(PREFIX + name, known.get(EARLIER + name))


def quoted_or_last(known: Mapping[str, float], name: str) -> tuple[float | None, float | None]:
    """A number and its error: of the evaluation or, in a run that did not finish, of its last step."""
    if quoted(known, "free_energy") is not None:
        return quoted(known, name), quoted(known, f"{name}_error")
    last = before_curves(known) + name
    return known.get(last), known.get(f"{last}_error")
