"""Pictures of a Fermi liquid: quasi-particle energies against k, and E, S and C against temperature."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure


def figures(tables: Mapping[str, pd.DataFrame]) -> dict[str, Figure]:
    """By the names of their files."""
    return {
        "dispersion": dispersion(tables["dispersion"]),
        "temperatures": temperatures(tables["temperatures"]),
    }


def dispersion(rows: pd.DataFrame) -> Figure:
    made = Figure(figsize=(6, 4), layout="constrained")
    axes = made.subplots()
    for (name, part), colour in zip(rows.groupby("from"), ("C0", "C1"), strict=False):
        axes.errorbar(
            part["k/k_F"], part["epsilon"], part["epsilon_error"], fmt=".", color=colour, label=name
        )
        axes.plot(part["k/k_F"], part["smooth"], color=colour, lw=1)
    free = rows.drop_duplicates("k/k_F")
    axes.plot(free["k/k_F"], free["free"], color="grey", lw=0.8, label="free")
    axes.set_xlabel("$k / k_F$")
    axes.set_ylabel(r"$\epsilon_k - \epsilon_{k_F}$ / Ry")
    axes.legend(frameon=False)
    return made


def temperatures(rows: pd.DataFrame) -> Figure:
    made = Figure(figsize=(9, 3), layout="constrained")
    names = {"free_energy": "F / Ry", "entropy": "S", "heat_capacity": "$C_V$"}
    for axes, (name, label) in zip(made.subplots(1, 3), names.items(), strict=True):
        for source, part in rows.groupby("from"):
            f = part[name], part[f"{name}_error"]
            axes.errorbar(part["theta"], *f, fmt="o-", ms=3, lw=1, capsize=2, label=source)
        axes.set_xlabel(r"$\theta = T / T_F$")
        axes.set_ylabel(label)
    axes.legend(frameon=False)
    return made
