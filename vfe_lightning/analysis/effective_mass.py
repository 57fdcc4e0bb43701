"""The effective mass of the electron gas from its entropy: m*/m = S / S_0 at low temperature.

S_0 is the entropy of the canonical ideal gas of as many particles on the same orbitals at the same
temperature, so that finite-size effects cancel to leading order: Xie, Zhang & Wang, SciPost Phys. 14,
154 (2023), eq. (3). It is one where the interaction does not matter, r_s -> 0.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from pydantic import TypeAdapter

from vfe_lightning.declarations.twist import Twist, Twists, twists
from vfe_lightning.exact.basis_size import plane_wave_cutoff
from vfe_lightning.exact.box_gas import box_gas
from vfe_lightning.result import Result


def ideal_entropy(declaration: Mapping[str, Any]) -> float:
    """S_0 per particle in k_B of the gas that an experiment declared, averaged over its twists."""
    dim, theta = (declaration[name] for name in ("dim", "theta"))
    n_up, n_down = electrons(declaration)
    at = twists_of(declaration)
    cutoff = declaration["cutoff"] or plane_wave_cutoff(n_up, dim, theta, at, n_down)
    return box_gas(n_up, dim, theta, at, cutoff, n_down).entropy / (n_up + n_down)


def twists_of(declaration: Mapping[str, Any]) -> Twists:
    """The twist of each axis, or the many that were drawn from."""
    return twists(TypeAdapter(Twist).validate_python(declaration["twist"]), declaration["dim"])


def electrons(declaration: Mapping[str, Any]) -> tuple[int, int]:
    """Of spin up and of spin down; a polarised gas tells n."""
    return declaration.get("n_up") or declaration["n"], declaration.get("n_down", 0)


def table(results: Sequence[Result]) -> pd.DataFrame:
    """One row a result: the state point, S and m*/m with their errors, and F; sorted by r_s."""
    rows = []
    for result in results:
        d, ideal = result.declaration, ideal_entropy(result.declaration)
        entropy = math.nan if result.entropy is None else result.entropy
        error = math.nan if result.entropy_error is None else result.entropy_error
        stationarity = (result.observables or {}).get("stationarity", {}).get("value")
        rows.append(
            {
                "n": sum(electrons(d)),
                "theta": d["theta"],
                "rs": d["rs"],
                "entropy": entropy,
                "entropy_error": error,
                "ideal_entropy": ideal,
                "m*/m": entropy / ideal,
                "m*/m_error": error / ideal,
                "free_energy": result.free_energy,
                "free_energy_error": result.free_energy_error,
                "stationarity": stationarity,
            }
        )
    return pd.DataFrame(rows).sort_values(["n", "theta", "rs"], ignore_index=True)


def figure(rows: pd.DataFrame) -> Figure:
    """m*/m against r_s with errors, a line for each N and temperature, and the ideal gas."""
    made = Figure(figsize=(6, 4), layout="constrained")
    axes = made.subplots()
    for n, theta in rows[["n", "theta"]].drop_duplicates().itertuples(index=False):
        line = rows[(rows["n"] == n) & (rows["theta"] == theta)]
        label = f"N = {n}, $\\theta$ = {theta:g}"
        axes.errorbar(line["rs"], line["m*/m"], line["m*/m_error"], fmt="o-", capsize=3, lw=1, label=label)
    axes.axhline(1, color="grey", lw=0.8, label="ideal gas")
    axes.set_xlabel("$r_s$")
    axes.set_ylabel("$m^*/m = S / S_0$")
    axes.legend(frameon=False)
    return made
