"""A result for the eye: the answer first, then what it is compared with, then the rest in groups."""

import math
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from vfe_lightning.found import Found
from vfe_lightning.notation import units_text, with_error

SURE = 1e-8  # relative bounds on exact values below it are not printed
ANSWER = ("free_energy", "reference_free_energy", "excess")
STATIONARY = 2.0  # errors of the stationarity within which p counts as the best one
REWEIGHTED = ("reweighted_", "importance_", "bennett_", "smc_")


class Row(NamedTuple):
    """One number; `state` is what it is of: the variational one, the Gibbs state by reweighting, or exact."""

    name: str
    value: float
    error: float | None
    units: str
    per: str
    state: str

    @property
    def label(self) -> str:
        return self.name.replace("reference_", "exact ", 1) if self.state == "exact" else self.name

    @property
    def number(self) -> str:
        error = math.nan if self.error is None else self.error
        sure = self.state == "exact" and error <= abs(self.value) * SURE
        return with_error(self.value, 0.0 if sure else error)

    @property
    def of(self) -> str:
        return units_text(self.units, self.per)


def groups(result: Found) -> dict[str, list[Row]]:
    """All numbers, by what they are for; errors of numbers without samples are None."""
    units, per = result.units or "", result.per or ""
    energies, entropies = (units, per), ("k_B", per)
    observables = {
        name: Row(name, n["value"], n["error"], n.get("units", ""), n.get("per", ""), _state(name))
        for name, n in (result.observables or {}).items()
    }

    def known(name: str, of: tuple[str, str], own: Row | None = None) -> Iterator[Row]:
        """A number and the exact one below it."""
        value, exact = getattr(result, name, None), getattr(result, f"reference_{name}")
        if own:
            yield own
        elif value is not None:
            yield Row(name, value, getattr(result, f"{name}_error"), *of, "variational")
        if exact is not None:
            yield Row(f"reference_{name}", exact, getattr(result, f"reference_{name}_error"), *of, "exact")

    answer = list(known("free_energy", energies))
    if result.excess is not None:
        answer.append(Row("excess", result.excess, result.free_energy_error, *energies, "variational"))
    for name in [n for n in observables if n == "free_energy_difference" or f"exact_{n}" in observables]:
        answer += [row for n in (name, f"exact_{name}") if (row := observables.pop(n, None))]
    landmarks = [
        Row(f"{name} free_energy", f, None, *energies, name) for name, f in (result.landmarks or {}).items()
    ]
    thermal = [*known("energy", energies), *known("entropy", entropies)]
    thermal += known("heat_capacity", entropies, observables.pop("heat_capacity", None))
    if result.variance is not None:
        squared = f"{units}^2", f"{per}^2" if per else ""
        thermal.append(Row("variance", result.variance, None, *squared, "variational"))
    gibbs = [row for row in observables.values() if row.state == "Gibbs"]
    measured = [row for row in observables.values() if row.state != "Gibbs"]
    found = {
        "free energy": answer,
        "compared with": landmarks,
        "energy and entropy": thermal,
        "in the Gibbs state": gibbs,
        "also measured": measured,
    }
    return {title: rows for title, rows in found.items() if rows}


def _state(name: str) -> str:
    return "exact" if name.startswith("exact_") else "Gibbs" if name.startswith(REWEIGHTED) else "variational"


def free_energy_text(result: Found) -> str:
    """ "F = -2.0345(12) J per spin"."""
    if result.free_energy is None:
        return "F is not known"
    error = math.nan if result.free_energy_error is None else result.free_energy_error
    return (
        f"F = {with_error(result.free_energy, error)} {units_text(result.units or '', result.per or '')}"
    ).strip()


def exact_text(result: Found) -> str:
    """The exact value and the excess, or why there is none."""
    if result.reference_free_energy is None:
        return f"no exact value: {result.no_reference}" if result.no_reference else ""
    row = next(r for r in groups(result)["free energy"] if r.name == "reference_free_energy")
    if result.excess is None:
        return f"exact {row.number}"
    error = result.free_energy_error
    return f"exact {row.number}, excess {with_error(result.excess, math.nan if error is None else error)}"


def remarks(result: Found, alarms: bool = True) -> list[str]:
    """Which parameters are quoted, whether the Gibbs state was reached, alarms, failures: a line each."""
    lines = []
    if result.parameters:
        candidates = result.candidates or {}
        found = ", ".join(f"{k} {with_error(n['value'], n['error'])}" for k, n in candidates.items())
        lowered = "F" if all(n["units"] for n in candidates.values()) else "loss"
        lines.append(f"parameters: {result.parameters}" + (f" ({lowered}: {found})" if found else ""))
    if unsettled := _unsettled(result):
        lines.append(unsettled)
    if result.verdict:
        lines.append(f"in the Gibbs state: {result.verdict}")
    if alarms:
        lines += alarm_lines(result)
    return lines + [f"failed: {what}: {error}" for what, error in (result.failures or {}).items()]


def _unsettled(result: Found) -> str:
    """What is said where p is not stationary beyond the errors, so that S may be off."""
    value, error = result.number("stationarity")
    if not value > STATIONARY * error:
        return ""
    return (
        f"p is not stationary: Var_K E[F_loc | K] = {with_error(value, error)} T^2, not 0; S may still move: "
        "more samples a step (--batch_size, --trainer.growth), then more steps"
    )


def alarm_lines(result: Found) -> list[str]:
    return [f"ALARM {name}: {text}" for name, text in (result.alarms or {}).items()]


def below(result: Found) -> dict[str, list[Row]]:
    """What the first two lines do not say."""
    found = groups(result).items()
    rest = {title: [r for r in rows if r.name not in ANSWER] for title, rows in found}
    return {title: rows for title, rows in rest.items() if rows}


def text(result: Found) -> str:
    """For a terminal."""
    found = below(result)
    rows = [row for group in found.values() for row in group]
    name, number = (max((len(getattr(row, c)) for row in rows), default=0) for c in ("label", "number"))
    lines = [line for line in (free_energy_text(result), exact_text(result)) if line]
    for title, group in found.items():
        lines += ["", title]
        lines += [f"  {r.label:<{name}}  {r.number:>{number}}  {r.of}".rstrip() for r in group]
    return "\n".join([*lines, "", *remarks(result)]).rstrip()


def markdown(result: Found) -> str:
    """For the page of a run in MLflow."""
    lines = [f"**{free_energy_text(result)}**", exact_text(result)]
    lines += [f"**{line}**" for line in alarm_lines(result)]
    table = ["| | value | |", "|:--|--:|:--|"]
    for title, group in below(result).items():
        table.append(f"| **{title}** | | |")
        table += [f"| {r.label} | {r.number} | {r.of} |" for r in group]
    lines += ["\n".join(table), *remarks(result, alarms=False)]
    return "\n\n".join(line for line in lines if line)


def html(result: Found) -> str:
    """For a notebook."""
    parts = [f"<b>{escape(free_energy_text(result))}</b>", escape(exact_text(result))]
    if result.status != "FINISHED":
        parts.append(escape(f"{result.status}: {result.error}; the numbers are of the last training step"))
    parts += [f"<b style='color: #b00'>{escape(line)}</b>" for line in alarm_lines(result)]
    rows = []
    for title, group in below(result).items():
        rows.append(f"<tr><th colspan='3' style='text-align: left'>{escape(title)}</th></tr>")
        for row in group:
            cells = (escape(row.label), f"<td style='text-align: right'>{row.number}</td>", escape(row.of))
            rows.append(f"<tr><td>{cells[0]}</td>{cells[1]}<td>{cells[2]}</td></tr>")
    told = [escape(line) for line in (f"run {result.run_id}", *remarks(result, alarms=False))]
    return "<br>".join(p for p in parts if p) + f"<table>{''.join(rows)}</table>" + "<br>".join(told)
