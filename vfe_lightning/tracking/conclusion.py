"""What a run leaves behind when it ends, in whichever way: results, figures, and its status."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import torch

from vfe_lightning import watch
from vfe_lightning.analysis import quoted, results
from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.known import Known
from vfe_lightning.notation import units_text
from vfe_lightning.presentation import markdown, text
from vfe_lightning.result import Result
from vfe_lightning.statistics import Moments
from vfe_lightning.tracking.items import metric_name
from vfe_lightning.tracking.places import RESULT
from vfe_lightning.tracking.record import Record

_landmarks: WeakKeyDictionary[VariationalFreeEnergy, dict[str, float]] = WeakKeyDictionary()
REFERENCES = (*quoted.HEADLINES, "heat_capacity")


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
    for name in quoted.HEADLINES:
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
    return Result(
        observables=observables, no_reference=known.reason, verdict=system.verdict, **values, **about
    )


def watched(found: Result, system: VariationalFreeEnergy, samples: int) -> Result:
    """The same with what the watch on the bound says of it; `samples` are those of the evaluation."""
    temperature = system.temperature * system.energy_unit
    about = (found, temperature, system.contained(), samples)
    alarms = system.failures.attempt("watch", lambda: watch.alarms(*about) | system.alarms())
    return replace(found, alarms=alarms or None, failures=dict(system.failures) or None)


def landmarks_of(system: VariationalFreeEnergy) -> dict[str, float]:
    """Free energies of approximations per site or particle in `units`; some take seconds, and are kept."""
    if system not in _landmarks:
        unit = system.energy_unit / system.size
        _landmarks[system] = {name: f * unit for name, f in system.landmarks().items()}
    return _landmarks[system]


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
    known = f"Exact free energy: {reference.free_energy:.10g} {units}." if reference else ""
    if exact.reason:
        known = f"No exact free energy: {exact.reason}."
    about = " ".join((type(experiment.system).__doc__ or "").split())
    record.note(f"{about}\n\n{known}".strip())
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
    name = quoted.PREFIX + quoted.EXACT
    if reference is not None and not record.history(name):
        record.metrics([(0, now(), {name: reference.free_energy})])


def record_remarks(record: Record, result: Result, traces: Mapping[str, str]) -> None:
    """The results in words, on top of the run's page; alarms and failures as tags; tracebacks."""
    record.text(text(result) + "\n", "results.txt")
    for what, trace in traces.items():
        record.text(trace, f"failures/{what.replace(' ', '_')}.txt")
    tags = {"vfe.parameters": result.parameters or ""}
    tags |= {"vfe.verdict": result.verdict} if result.verdict else {}
    tags |= {"vfe.alarms": ", ".join(result.alarms)} if result.alarms else {}
    tags |= {"vfe.failures": "; ".join(result.failures)} if result.failures else {}
    record.tag(tags)
    record.note(f"{markdown(result)}\n\n{record.told}")


def record_results(record: Record, result: Result, system: VariationalFreeEnergy) -> None:
    """Quoted metrics, the table and the profiles of the evaluation."""
    step = result.steps or 0
    numbers = {metric_name(name): v for name, v in quoted.metrics(result, system.asked).items()}
    # killed after it was written, and the same again; or the same, and what another evaluation has found
    recorded = [quoted.PREFIX + name for name in ("free_energy", "smc_free_energy")]
    if any(record.history(name).get(step) != numbers.get(name) for name in recorded):
        record.metrics([(step, now(), numbers)])
    record.text(json.dumps(result.plain(), indent=2, allow_nan=False), RESULT)
    record.text(results.table(result).to_csv(index=False), results.TABLE)
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
