"""What a run leaves behind when it ends, in whichever way: results, figures, and its status."""

import io
import json
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from matplotlib.figure import Figure

from vfe_lightning.analysis import results
from vfe_lightning.analysis.figures import convergence
from vfe_lightning.analysis.results import remarks, units_text
from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.known import Known
from vfe_lightning.result import Reference, Result
from vfe_lightning.statistics import Moments
from vfe_lightning.tracking.record import Record

HEADLINES = ("free_energy", "energy", "entropy")
REFERENCES = (*HEADLINES, "heat_capacity")


def evaluated(system: VariationalFreeEnergy) -> dict[str, Moments]:
    """All scalars: of the evaluation, or else of the last training step."""
    if system.evaluation:
        return {name: m for name, m in system.evaluation.items() if m.mean.ndim == 0}
    unknown = {
        k: v for k, v in system.metrics.items() if not k.endswith("_error") and k not in system.measured
    }
    alone = {
        name: replace(Moments.exactly(value), squares=torch.tensor(math.nan))
        for name, value in unknown.items()
    }
    return {**system.measured, **alone}


def result_of(system: VariationalFreeEnergy, known: Known, **about: Any) -> Result:
    """The numbers of a system with what `about` says of its run."""
    numbers, reference = evaluated(system), known.reference
    values: dict[str, Any] = {"size": system.size, "units": system.units, "per": system.per}
    for name in HEADLINES:
        number = numbers.pop(name, None)
        values[name] = None if number is None else number.mean.item()
        values[f"{name}_error"] = None if number is None else number.error.item()
    variance = numbers.pop("variance", None)
    values["variance"] = None if variance is None else variance.mean.item()
    if reference is not None:
        for name in REFERENCES:
            values[f"reference_{name}"] = value = getattr(reference, name)
            values[f"reference_{name}_error"] = None if value is None else getattr(reference, f"{name}_error")
        if values["free_energy"] is not None:
            values["excess"] = values["free_energy"] - reference.free_energy
    observables = {name: m.plain() for name, m in numbers.items()}
    return Result(observables=observables, no_reference=known.reason, **values, **about)


def landmarks_of(system: VariationalFreeEnergy) -> dict[str, float]:
    """Free energies of approximations per site or particle in `units`."""
    return {name: f * system.energy_unit / system.size for name, f in system.landmarks().items()}


def start_notes(
    record: Record,
    system: VariationalFreeEnergy,
    experiment: DeclaredExperiment,
    exact: Known,
    device: torch.device,
) -> None:
    """What is known before the first step: the description, and the exact value to compare with."""
    units = units_text(system.units, system.per)
    reference = exact.reference
    known = f"not known: {exact.reason}" if reference is None else f"{reference.free_energy:.10g} {units}"
    about = " ".join((type(experiment.system).__doc__ or "").split())
    record.note(f"{about}\n\nExact free energy: {known}.")
    parameters = sum(p.numel() for p in system.parameters() if p.requires_grad)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    record.tag(
        {
            "units": system.units,
            "per": system.per,
            "size": str(system.size),
            "parameters": str(parameters),
            "device": name,
        }
    )
    if reference is not None and not record.history("final/reference_free_energy"):
        record.metrics([(0, now(), {"final/reference_free_energy": reference.free_energy})])


def record_remarks(record: Record, result: Result, traces: Mapping[str, str]) -> None:
    """The results in words, alarms and failures as tags that runs can be found by, and tracebacks."""
    record.text(results.text(result) + "\n", "results.txt")
    for what, trace in traces.items():
        record.text(trace, f"failures/{what.replace(' ', '_')}.txt")
    told = remarks(result)
    tags = {"vfe.parameters": result.parameters or ""}
    tags |= {"vfe.alarms": ", ".join(result.alarms)} if result.alarms else {}
    tags |= {"vfe.failures": "; ".join(result.failures)} if result.failures else {}
    record.tag(tags)
    if told:
        record.add_note("\n\n".join(told))


def record_results(record: Record, result: Result, system: VariationalFreeEnergy) -> None:
    """Final metrics, the table and the profiles of the evaluation."""
    names = [
        *HEADLINES,
        *(f"{name}_error" for name in HEADLINES),
        *(f"reference_{name}" for name in REFERENCES),
        *(f"reference_{name}_error" for name in REFERENCES),
        "variance",
        "excess",
    ]
    final = {name: value for name in names if (value := getattr(result, name)) is not None}
    for name, number in (result.observables or {}).items():
        final |= {name: number["value"], f"{name}_error": number["error"]}
    # killed after it was written, and the same again
    if record.history("final/free_energy").get(result.steps or 0) != result.free_energy:
        values = {f"final/{name}": value for name, value in final.items()}
        record.metrics([(result.steps or 0, now(), values)])
    record.text(results.table(result).to_csv(index=False), "results.csv")
    profiles = {
        name: {"value": m.mean.tolist(), "error": m.error.tolist()}
        for name, m in system.evaluation.items()
        if m.mean.ndim
    }
    if profiles:
        record.text(json.dumps(profiles), "profiles.json")


def now() -> int:
    """The time as MLflow counts it, in milliseconds."""
    return int(time.time() * 1000)


def record_figures(record: Record, system: VariationalFreeEnergy, reference: Reference | None) -> None:
    """The convergence so far and, after an evaluation, the system's own pictures; what fails is told."""
    attempt = system.failures.attempt
    figures: dict[str, Figure] = {}
    if record.history("free_energy"):
        course = attempt("figure convergence", lambda: _course(record, system, reference))
        figures |= {"convergence": course} if course else {}
    if system.evaluation:
        figures |= attempt("figures", system.figures) or {}
    for name, figure in figures.items():
        picture = attempt(f"figure {name}", partial(drawn, figure))
        if picture is not None:
            record.picture(picture, name)


def drawn(figure: Figure) -> bytes:
    """As PNG."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _course(record: Record, system: VariationalFreeEnergy, reference: Reference | None) -> Figure:
    lines = {} if reference is None else {"exact": reference.free_energy}
    landmarks = system.failures.attempt("landmarks", lambda: landmarks_of(system)) or {}
    lines |= {name: f for name, f in landmarks.items() if math.isfinite(f)}
    error, entropy, variance = map(record.history, ("free_energy_error", "entropy", "variance"))
    f = record.history("free_energy")
    return convergence(f, error, entropy, variance, system.units, system.per, lines)
