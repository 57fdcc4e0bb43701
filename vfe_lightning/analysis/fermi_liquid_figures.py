"""Pictures of a Fermi liquid: quasi-particle energies against k, and E, S and C against temperature."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from vfe_lightning.analysis import metal_figures


def figures(tables: Mapping[str, pd.DataFrame]) -> dict[str, Figure]:
    """By the names of their files; those of quasi-particles where T > 0."""
    made = {
        "momentum_distribution": metal_figures.momentum_distribution(
            tables["momentum_distribution"], tables["properties"]
        ),
        "structure_factor": metal_figures.structure_factor(tables["structure_factor"]),
        "displacements": metal_figures.displacements(tables["displacements"]),
    }
    drawn = {"dispersion": dispersion, "temperatures": temperatures}
    return made | {name: draw(tables[name]) for name, draw in drawn.items() if name in tables}


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
