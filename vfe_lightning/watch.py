"""A watch on the bound: numbers of a run that cannot be right, or that rest on too little.

A variational F is above the exact one, below its own start and below whatever the ansatz contains, and
F = E - T S. Each alarm has a name, says what is wrong in one line, and what to do.
"""

import math
from collections.abc import Collection

from vfe_lightning.gibbs_state import EXACT
from vfe_lightning.result import Result

ERRORS = 4.0  # of both numbers, beyond which they contradict each other
REWEIGHTED_ERRORS = 5.0  # weights have long tails
FEW = 30.0  # samples that carry the weight: fewer have no honest error
ROUNDING = 1e-10  # relative


def alarms(result: Result, temperature: float, contained: Collection[str], samples: int) -> dict[str, str]:
    """What contradicts what, by the name of the alarm; nothing where all is well.

    Args:
        temperature: in the units of the reported energies.
        contained: landmarks that the ansatz contains.
        samples: independent ones of the evaluation.
    """
    found = {
        "below_exact": _below_exact(result),
        "not_f_of_e_and_s": _contradiction(result, temperature),
        "importance_off": _importance_off(result),
        "few_samples": _few_samples(result, samples),
        "gibbs_state_missed": _gibbs_state_missed(result),
        "not_below_start": _not_below_start(result),
        "above_landmark": _above_landmark(result, contained),
    }
    return {name: text for name, text in found.items() if text}


def _below_exact(r: Result) -> str | None:
    if r.excess is None:
        return None
    errors = _errors(r.excess, r.free_energy_error, r.reference_free_energy_error, r.reference_free_energy)
    if errors > -ERRORS:
        return None
    return (
        f"F is {-errors:.1f} errors below the exact one, which no state can be: the run or the reference is "
        "wrong; evaluate again with another --seed and more --trainer.evaluation_batches, and report it"
    )


def _contradiction(r: Result, temperature: float) -> str | None:
    if r.free_energy is None or r.energy is None or r.entropy is None:
        return None
    gap = r.free_energy - (r.energy - temperature * r.entropy)
    known = (r.free_energy_error, r.energy_error, temperature * (r.entropy_error or 0.0))
    scale = max(abs(r.free_energy), abs(r.energy), abs(temperature * r.entropy))
    errors = _errors(gap, math.hypot(*(e or 0.0 for e in known)), 0.0, scale)
    if abs(errors) < ERRORS:
        return None
    return f"F = E - T S is broken by {abs(errors):.1f} errors: one of the three numbers is wrong; report it"


def _importance_off(r: Result) -> str | None:
    measured = r.observables or {}
    number, both_sides = measured.get("importance_free_energy"), measured.get("bennett_free_energy")
    if number is None:
        return None
    value, error, others = number["value"], number["error"], []
    if r.reference_free_energy is not None:
        gap = value - r.reference_free_energy
        errors = _errors(gap, error, r.reference_free_energy_error, r.reference_free_energy)
        others.append((errors, "the exact one"))
    if both_sides is not None:
        gap = value - both_sides["value"]
        errors = _errors(gap, math.hypot(error, both_sides["error"]), 0.0, value)
        others.append((errors, "bennett_free_energy, which samples of the Gibbs state were held against"))
    errors, what = max(others, key=lambda other: abs(other[0]), default=(0.0, ""))
    if abs(errors) < REWEIGHTED_ERRORS:
        return None
    return (
        f"the importance-sampled F is {abs(errors):.1f} of its errors off {what}: configurations are "
        "missing from the model; train longer, or with a wider network"
    )


def _gibbs_state_missed(r: Result) -> str | None:
    if r.verdict is None or r.verdict == EXACT:
        return None
    return f"{r.verdict}; raise --evaluation.walkers, steps, rounds or settling, or train longer"


def _few_samples(r: Result, samples: int) -> str | None:
    number = (r.observables or {}).get("effective_sample_size")
    if number is None or number["value"] * samples >= FEW:
        return None
    return (
        f"{number['value'] * samples:.1f} of {samples} samples carry the weight: the importance-sampled and "
        "reweighted numbers have no honest errors; train longer or take more --trainer.evaluation_batches"
    )


def _not_below_start(r: Result) -> str | None:
    known = dict(r.candidates or {})
    start = known.pop("start", None)
    if r.parameters != "start" or not r.steps or start is None:
        return None
    best = min(known.values(), key=lambda number: number["value"], default=None)
    if best is not None:
        errors = _errors(best["value"] - start["value"], math.hypot(best["error"], start["error"]), 0.0, 0.0)
        if errors < ERRORS:
            return None
    return (
        "training has raised F, or the loss: the numbers are of the parameters that it started from; lower "
        "--optimizer.learning_rate or max_norm, or raise --batch_size"
    )


def _above_landmark(r: Result, contained: Collection[str]) -> str | None:
    if r.free_energy is None:
        return None
    above = [
        name
        for name, landmark in (r.landmarks or {}).items()
        if name in contained
        and math.isfinite(landmark)
        and _errors(r.free_energy - landmark, r.free_energy_error, 0.0, landmark) > ERRORS
    ]
    if not above:
        return None
    return (
        f"F is above {' and '.join(above)}, which the ansatz contains: train longer, or with smaller steps "
        "(--optimizer.learning_rate, max_norm) and a larger --batch_size"
    )


def _errors(gap: float, error: float | None, bound: float | None, scale: float | None) -> float:
    """A gap in statistical errors, once the bound on the error of the other number and rounding are off."""
    allowed = (bound or 0.0) + ROUNDING * max(abs(scale or 0.0), 1e-300)
    if not math.isfinite(gap) or abs(gap) <= allowed:
        return 0.0
    beyond = math.copysign(abs(gap) - allowed, gap)
    return beyond / error if error and math.isfinite(error) else math.copysign(math.inf, gap)
