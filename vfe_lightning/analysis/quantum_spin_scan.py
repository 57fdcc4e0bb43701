"""Spins 1/2 against temperature or field: F, S, the heat capacity and the spectrum against exact values."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from vfe_lightning.result import Result

PANELS = {
    "free_energy": "F / J per spin",
    "entropy": "S / k_B per spin",
    "heat_capacity": "C / k_B per spin",
}
LEVELS = 4  # that are drawn


def table(results: Sequence[Result], against: str) -> pd.DataFrame:
    """One row a value of the parameter `against`: numbers of the circuit with errors, and exact ones."""
    rows = []
    for r in sorted(results, key=lambda r: r.declaration[against]):
        measured = r.observables or {}
        row = {against: r.declaration[against]}
        for name in ("free_energy", "energy", "entropy"):
            row |= {n: getattr(r, n) for n in (name, f"{name}_error")}
            row[f"exact_{name}"] = getattr(r, f"reference_{name}")
        row["heat_capacity_error"] = measured["heat_capacity"]["error"]
        names = ["heat_capacity", *(f"level_{k}" for k in range(LEVELS))]
        for name in (n for base in names for n in (base, f"exact_{base}")):
            row[name] = measured[name]["value"] if name in measured else None
        rows.append(row)
    return pd.DataFrame(rows)


def figure(rows: pd.DataFrame, against: str, label: str) -> Figure:
    """Liu, Mao, Zhang & Wang, Mach. Learn.: Sci. Technol. 2, 025011 (2021), figures 2 and 4."""
    drawn = Figure(figsize=(10, 7), layout="constrained")
    first = drawn.subplots(2, 2, sharex=True).flat
    x = rows[against]
    for axes, (name, title) in zip(first, PANELS.items(), strict=False):
        axes.plot(x, rows[f"exact_{name}"].astype(float), "k-", linewidth=1, label="exact")
        axes.errorbar(x, rows[name], rows[f"{name}_error"], fmt="o", markersize=4, label="circuit")
        axes.set_ylabel(title)
    axes = drawn.axes[3]
    for k in range(LEVELS):
        axes.plot(x, rows[f"exact_level_{k}"].astype(float), "k-", linewidth=1)
        axes.plot(x, rows[f"level_{k}"].astype(float), "C0o", markersize=4)
    axes.set_ylabel("lowest levels / J of the whole system")
    for axes in drawn.axes[2:]:
        axes.set_xlabel(label)
    drawn.axes[0].legend(frameon=False)
    return drawn
