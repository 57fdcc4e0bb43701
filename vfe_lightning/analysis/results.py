"""Final numbers of a run, for the eye and for other programs."""

import math

import pandas as pd

from vfe_lightning.result import Result

ROUNDING = 1e-12  # relative errors below it are not those of samples


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


def table(result: Result, energies: tuple[str, ...]) -> pd.DataFrame:
    """name, value, error, units: one row a number; errors of exact numbers are empty."""
    units = result.units or ""
    named = {"free_energy": (units, result.free_energy, result.free_energy_error)}
    if result.reference_free_energy is not None:
        named["reference_free_energy"] = (units, result.reference_free_energy, None)
        named["excess"] = (units, result.excess, result.free_energy_error)
    for name, free_energy in (result.landmarks or {}).items():
        named[f"{name} free_energy"] = (units, free_energy, None)
    named["energy"] = (units, result.energy, result.energy_error)
    if result.reference_energy is not None:
        named["reference_energy"] = (units, result.reference_energy, None)
    named["entropy"] = ("k_B", result.entropy, result.entropy_error)
    if result.reference_entropy is not None:
        named["reference_entropy"] = ("k_B", result.reference_entropy, None)
    named["variance"] = (f"{units}^2", result.variance, None)
    for name, number in (result.observables or {}).items():
        named[name] = (units if name in energies else "", number["value"], number["error"])
        if name == "heat_capacity" and result.reference_heat_capacity is not None:
            named["reference_heat_capacity"] = ("k_B", result.reference_heat_capacity, None)
    rows = [(name, value, error, unit) for name, (unit, value, error) in named.items()]
    return pd.DataFrame(rows, columns=["name", "value", "error", "units"])


def text(result: Result, energies: tuple[str, ...]) -> str:
    """The same table as aligned text."""
    rows = []
    for name, value, error, units in table(result, energies).itertuples(index=False, name=None):
        error = math.nan if error is None else error
        rows.append((name, with_error(value, error), units))
    width = [max(len(r[i]) for r in rows) for i in range(2)]
    return "\n".join(
        f"{name:<{width[0]}}  {value:>{width[1]}}  {units}".rstrip() for name, value, units in rows
    )
