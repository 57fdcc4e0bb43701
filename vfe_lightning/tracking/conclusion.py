"""What a run leaves behind when it ends, in whichever way: results, figures, and its status."""

import json
import math
import time
from typing import TYPE_CHECKING, Any

import torch

from vfe_lightning.analysis import results
from vfe_lightning.analysis.figures import convergence
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.result import Reference, Result
from vfe_lightning.tracking.record import Record

if TYPE_CHECKING:
    from vfe_lightning.experiment import Experiment

HEADLINES = ("free_energy", "energy", "entropy")
REFERENCES = (*HEADLINES, "heat_capacity")


def evaluated(system: VariationalFreeEnergy) -> dict[str, tuple[float, float]]:
    """Value and error of all scalars: of the evaluation, or else of the last training step."""
    if system.evaluation:
        scalars = {name: m for name, m in system.evaluation.items() if m.mean.ndim == 0}
        return {name: (m.mean.item(), m.error.item()) for name, m in scalars.items()}
    names = [name for name in system.metrics if not name.endswith("_error")]
    return {name: (system.metrics[name], system.metrics.get(f"{name}_error", math.nan)) for name in names}


def result_of(system: VariationalFreeEnergy, reference: Reference | None, **about: Any) -> Result:
    """The numbers of a system with what `about` says of its run."""
    numbers = evaluated(system)
    known: dict[str, Any] = {}
    for name in HEADLINES:
        known[name], known[f"{name}_error"] = numbers.pop(name, (None, None))
    known["variance"] = numbers.pop("variance", (None, None))[0]
    if reference is not None:
        known |= {f"reference_{name}": getattr(reference, name) for name in REFERENCES}
        known["excess"] = (
            None if known["free_energy"] is None else known["free_energy"] - reference.free_energy
        )
    observables = {name: {"value": value, "error": error} for name, (value, error) in numbers.items()}
    known |= {"size": system.size, "units": system.units, "landmarks": landmarks_of(system)}
    return Result(observables=observables, **known, **about)


def landmarks_of(system: VariationalFreeEnergy) -> dict[str, float]:
    """Free energies of approximations per site or particle in `units`."""
    return {name: f * system.energy_unit / system.size for name, f in system.landmarks().items()}


def start_notes(
    record: Record,
    system: VariationalFreeEnergy,
    experiment: "Experiment",
    reference: Reference | None,
    device: torch.device,
) -> None:
    """What is known before the first step: the description, and the exact value to compare with."""
    known = (
        "not known"
        if reference is None
        else f"{reference.free_energy:.10g} {system.units} per particle or site"
    )
    about = " ".join((type(experiment.system).__doc__ or "").split())
    record.note(f"{about}\n\nExact free energy: {known}.")
    parameters = sum(p.numel() for p in system.parameters() if p.requires_grad)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    record.tag(
        {"units": system.units, "size": str(system.size), "parameters": str(parameters), "device": name}
    )
    if reference is not None:
        record.metrics([(0, now(), {"final/reference_free_energy": reference.free_energy})])


def record_results(record: Record, result: Result, system: VariationalFreeEnergy) -> None:
    """Final metrics, the table and the profiles of the evaluation."""
    names = [
        *HEADLINES,
        *(f"{name}_error" for name in HEADLINES),
        *(f"reference_{name}" for name in REFERENCES),
        "variance",
        "excess",
    ]
    final = {name: value for name in names if (value := getattr(result, name)) is not None}
    for name, number in (result.observables or {}).items():
        final |= {name: number["value"], f"{name}_error": number["error"]}
    if result.steps not in record.history("final/free_energy"):  # killed after it was written
        values = {f"final/{name}": value for name, value in final.items()}
        record.metrics([(result.steps or 0, now(), values)])
    record.text(results.table(result, system.energies).to_csv(index=False), "results.csv")
    record.text(results.text(result, system.energies) + "\n", "results.txt")
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
    """The convergence so far and, after an evaluation, the system's own pictures."""
    free_energy = record.history("free_energy")
    if free_energy:
        lines = {} if reference is None else {"exact": reference.free_energy}
        lines |= {name: f for name, f in landmarks_of(system).items() if math.isfinite(f)}
        error, entropy, variance = map(record.history, ("free_energy_error", "entropy", "variance"))
        figure = convergence(free_energy, error, entropy, variance, system.units, lines)
        record.figures({"convergence": figure})
    if system.evaluation:
        record.figures(system.figures())
