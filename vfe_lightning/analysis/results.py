"""Final numbers of a run, for the eye and for other programs."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from vfe_lightning.result import Result

ROUNDING = 1e-12  # relative errors below it are not those of samples
SURE = 1e-8  # relative bounds on exact values below it are not printed


def with_error(value: float, error: float) -> str:
    """-4.8935(10): the error in units of the last digits, two of them; rounding is no error."""
    known = math.isfinite(value) and math.isfinite(error)
    if not known or error <= abs(value) * ROUNDING:
        return f"{value:.8g}"
    power = math.floor(math.log10(max(abs(value), error)))
    if power < -4:
        return f"{with_error(value / 10.0**power, error / 10.0**power)}e{power}"
    digits = 1 - math.floor(math.log10(error))
    digits = max(0, digits - 1 if round(error * 10.0**digits) == 100 else digits)
    scaled = round(error * 10.0**digits)
    return f"{value:.{digits}f}({scaled})" if digits else f"{value:.0f}({scaled})"


def table(result: Result) -> pd.DataFrame:
    """name, value, error, units, per, state: one row a number; errors of exact numbers are empty.

    `state` is what a number is of: the variational one, the Gibbs state by reweighting, or the exact result.
    """
    units, per = result.units or "", result.per or ""
    energy, entropy = (units, per), ("k_B", per)
    rows: list[tuple[Any, ...]] = []

    def add(name: str, value: float | None, error: float | None, of: tuple[str, str], state: str) -> None:
        rows.append((name, value, error, *of, state))

    def exact(name: str, of: tuple[str, str]) -> None:
        value = getattr(result, f"reference_{name}")
        if value is not None:
            add(f"reference_{name}", value, getattr(result, f"reference_{name}_error"), of, "exact")

    add("free_energy", result.free_energy, result.free_energy_error, energy, "variational")
    exact("free_energy", energy)
    if result.excess is not None:
        add("excess", result.excess, result.free_energy_error, energy, "variational")
    for name, free_energy in (result.landmarks or {}).items():
        add(f"{name} free_energy", free_energy, None, energy, name)
    add("energy", result.energy, result.energy_error, energy, "variational")
    exact("energy", energy)
    add("entropy", result.entropy, result.entropy_error, entropy, "variational")
    exact("entropy", entropy)
    squared = (f"{units}^2", f"{per}^2" if per else "")
    add("variance", result.variance, None, squared, "variational")
    for name, number in (result.observables or {}).items():
        of = number.get("units", ""), number.get("per", "")
        add(name, number["value"], number["error"], of, _state(name))
        if name == "heat_capacity":
            exact("heat_capacity", entropy)
    return pd.DataFrame(rows, columns=["name", "value", "error", "units", "per", "state"])


def _state(name: str) -> str:
    if name.startswith("exact_"):
        return "exact"
    return "Gibbs" if name.startswith(("reweighted_", "importance_", "bennett_")) else "variational"


def units_of_run(tags: Mapping[str, str]) -> str:
    """Of the energies of a recorded run, by its tags."""
    return units_text(tags.get("units", ""), tags.get("per", ""))


def units_text(units: str, per: str) -> str:
    """ "Ry per electron"; nothing for plain numbers."""
    return f"{units} per {per}" if units and per else units


def text(result: Result) -> str:
    """The same table as aligned text, and below it what has to be known to read it."""
    rows = []
    for name, value, error, units, per, state in table(result).itertuples(index=False, name=None):
        value, error = (math.nan if x is None else x for x in (value, error))
        if state == "exact" and error <= abs(value) * SURE:
            error = 0.0
        rows.append((name, with_error(value, error), units_text(units, per)))
    width = [max(len(r[i]) for r in rows) for i in range(2)]
    lines = [f"{name:<{width[0]}}  {value:>{width[1]}}  {units}".rstrip() for name, value, units in rows]
    return "\n".join([*lines, *remarks(result)])


def remarks(result: Result) -> list[str]:
    """Which parameters are quoted, why there is no reference, alarms, and what failed: a line each."""
    lines = []
    if result.parameters:
        known = result.candidates or {}
        found = ", ".join(f"{k} {with_error(n['value'], n['error'])}" for k, n in known.items())
        lowered = "F" if all(n["units"] for n in known.values()) else "loss"
        lines.append(f"parameters: {result.parameters}" + (f" ({lowered}: {found})" if found else ""))
    if result.no_reference:
        lines.append(f"no exact value: {result.no_reference}")
    lines += [f"ALARM {name}: {text}" for name, text in (result.alarms or {}).items()]
    return lines + [f"failed: {what}: {error}" for what, error in (result.failures or {}).items()]
