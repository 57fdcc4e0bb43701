"""E, F and S of a quantum dot against temperature or coupling, from the results of a scan, beside others."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vfe_lightning.analysis import quantum_dot_published as published
from vfe_lightning.analysis.quantum_dot_published import Published
from vfe_lightning.exact.wigner_molecule import wigner_molecule
from vfe_lightning.result import Result

MEASURED = ("energy", "free_energy", "entropy")


def temperature_table(results: Sequence[Result]) -> pd.DataFrame:
    """One row a beta, totals of the dot; published columns where the point is that of the papers."""
    rows = []
    for r in sorted(results, key=lambda r: float(r.declaration["beta"])):
        beta = float(r.declaration["beta"])
        here = _is(r, n_up=6, n_down=0, z=0.5)
        known = {
            "path integrals": published.PATH_INTEGRALS.get(beta) if here else None,
            "Fermi flow": published.FERMI_FLOW_TEMPERATURES.get(beta) if here else None,
        }
        rows.append({"beta": beta} | _totals(r) | _columns(known))
    return pd.DataFrame(rows)


def coupling_table(results: Sequence[Result]) -> pd.DataFrame:
    """One row a Z, totals of the dot, with the classical molecule and the published values at beta = 10."""
    rows = []
    for r in sorted(results, key=lambda r: r.declaration["z"]):
        z, n = float(r.declaration["z"]), r.declaration["n_up"] + r.declaration["n_down"]
        here = _is(r, n_down=0, beta=10.0)
        known = {
            "Fermi flow": published.FERMI_FLOW_COUPLINGS.get((n, z)) if here else None,
            "configuration interaction": published.CONFIGURATION_INTERACTION.get((n, z)) if here else None,
        }
        molecule = {"energy, Wigner molecule": wigner_molecule(n).energy(z)}
        rows.append({"z": z} | _totals(r) | molecule | _columns(known))
    return pd.DataFrame(rows)


def figure(rows: pd.DataFrame, axis: str, others: Sequence[str], label: str) -> Figure:
    """E, F and S against a column, with error bars and with what others found."""
    picture = Figure(figsize=(10, 3.4), layout="constrained")
    for axes, name in zip(picture.subplots(1, 3), MEASURED, strict=True):
        axes.errorbar(rows[axis], rows[name], rows[f"{name}_error"], fmt="o-", capsize=2, label="this work")
        for marker, other in zip("sxd", others, strict=False):
            values = rows.get(f"{name}, {other}")
            if values is not None and bool(np.isfinite(values).any()):
                axes.plot(rows[axis], values, marker, label=other)
        axes.set_xlabel(label)
        units = r"$k_B$" if name == "entropy" else r"$\hbar \omega$"
        axes.set_ylabel(f"{name.replace('_', ' ')} / {units} per dot")
        axes.legend(frameon=False, fontsize="small")
    return picture


def _totals(r: Result) -> dict[str, float]:
    found = {}
    for name in MEASURED:
        number = (r.observables or {}).get(f"total_{name}", {})
        found |= {name: number.get("value", math.nan), f"{name}_error": number.get("error", math.nan)}
    return found


def _columns(known: Mapping[str, Published | None]) -> dict[str, float]:
    """A column for each number of each source, NaN where it is not published."""
    found = {}
    for source, numbers in known.items():
        values = numbers._asdict() if numbers else dict.fromkeys(Published._fields)
        for name, value in values.items():
            column = name.removesuffix("_error")
            end = "_error" if name.endswith("_error") else ""
            found[f"{column}, {source}{end}"] = math.nan if value is None else value
    return found


def _is(r: Result, **point: float) -> bool:
    return all(float(r.declaration[name]) == value for name, value in point.items())
