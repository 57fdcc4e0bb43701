r"""Equations of state of dense hydrogen from runs at several r_s: isotherms, and the principal Hugoniot.

Behind a shock that started from E_0, V_0 at rest,

$$ H = E - E_0 + (P + P_0) (V - V_0) / 2 = 0, $$

with P_0 next to nothing: B. Militzer & D. M. Ceperley, PRL 85, 1890 (2000), whose E_0 and density of
deuterium these are. All numbers are of an atom and have the motion of the nuclei.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vfe_lightning.hamiltonians.periodic_box import along_axes
from vfe_lightning.result import Result
from vfe_lightning.units import GIGAPASCAL

Lengths = TypeVar("Lengths", float, np.ndarray)
ISOTHERM = ["n", "mass", "twist", "kelvin"]
COLUMNS = ("free_energy", "energy", "entropy", "pressure")
INITIAL_RS, INITIAL_ENERGY = 3.158509, -0.5838  # 0.171 g / cm^3 of deuterium; Hartree
DRAWS = 4000  # of the errors of all runs
# kelvin, compression, GPa: means of trajectories of 128 atoms on forces of quantum Monte Carlo, G. Tenti,
# K. Nakano, A. Tirelli, S. Sorella & M. Casula, PRB 110, L041107 (2024)
PUBLISHED = ((8000, 4.47, 39.8), (10000, 4.62, 48.9), (15000, 4.58, 67.5), (20000, 4.50, 86.5))


def volume(rs: Lengths) -> Lengths:
    """Of an atom, in cubic Bohr."""
    return 4 * math.pi / 3 * rs**3


def table(results: Sequence[Result]) -> pd.DataFrame:
    """A row a run, by rising temperature and r_s; Hartree and k_B an atom, GPa.

    `pressure_of_F` is -dF/dV, by the parabola in ln V, in which F of an ideal gas is a straight line, through
    the run and its two neighbours on its isotherm.
    """
    rows = pd.DataFrame([_row(result) for result in results])
    rows = rows.sort_values([*ISOTHERM, "rs"], ignore_index=True)
    parts = [_with_slopes(part.copy()) for _, part in rows.groupby(ISOTHERM, sort=False)]
    return pd.concat(parts, ignore_index=True)


def hugoniot(rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each temperature: where H = 0, with errors; NaN where it changes sign between no two runs."""
    found = []
    for _, part in rows.groupby(ISOTHERM, sort=False):
        rs = part["rs"].to_numpy(float)
        energy, pressure = (part[k].to_numpy(float) for k in ("energy", "pressure"))
        errors = [part[f"{k}_error"].to_numpy(float) for k in ("energy", "pressure")]
        noise = np.random.default_rng(0).standard_normal((2, DRAWS, len(rs)))
        drawn = [
            _crossing(rs, energy + a * errors[0], pressure + b * errors[1])
            for a, b in zip(*noise, strict=True)
        ]
        known = np.array([d for d in drawn if not math.isnan(d[0])]).reshape(-1, 2)
        at = _crossing(rs, energy, pressure)
        enough = len(known) > 0.95 * DRAWS  # or the crossing is not sure to lie between the runs
        spread = known.std(axis=0) if enough else (math.nan, math.nan)
        found.append(
            part[ISOTHERM].iloc[0].to_dict()
            | {"compression": at[0], "compression_error": spread[0]}
            | {"pressure": at[1], "pressure_error": spread[1]}
        )
    return pd.DataFrame(found)


def isotherm_figure(rows: pd.DataFrame) -> Figure:
    """P by the virial and by -dF/dV, and E, against r_s; a colour for each temperature."""
    made = Figure(figsize=(9, 4), layout="constrained")
    left, right = made.subplots(1, 2)
    for number, (_, part) in enumerate(rows.groupby(ISOTHERM)):
        first = part.iloc[0]
        style, label = (
            {"capsize": 3, "lw": 1, "color": f"C{number}"},
            f"{_named(first)}, {first['kelvin']:g} K",
        )
        left.errorbar(part["rs"], part["pressure"], part["pressure_error"], fmt="o-", label=label, **style)
        slope = part.dropna(subset="pressure_of_F")
        left.errorbar(
            slope["rs"], slope["pressure_of_F"], slope["pressure_of_F_error"], fmt="s", mfc="none", **style
        )
        right.errorbar(part["rs"], part["energy"], part["energy_error"], fmt="o-", label=label, **style)
    left.set_ylabel("P / GPa (squares: $-\\partial F / \\partial V$)")
    right.set_ylabel("E / Ha per atom")
    for axes in (left, right):
        axes.set_xlabel("$r_s$")
    right.legend(frameon=False)
    return made


def hugoniot_figure(curve: pd.DataFrame) -> Figure:
    """Pressure against compression, beside what is published."""
    made = Figure(figsize=(5, 4), layout="constrained")
    axes = made.subplots()
    for _, part in curve.groupby([name for name in ISOTHERM if name != "kelvin"]):
        errors = part["pressure_error"], part["compression_error"]
        axes.errorbar(
            part["compression"], part["pressure"], *errors, fmt="o-", capsize=3, label=_named(part.iloc[0])
        )
    _, compression, pressure = zip(*PUBLISHED, strict=True)
    axes.plot(compression, pressure, "k^--", label="PRB 110, L041107, N = 128")
    axes.set_xlabel("$\\rho / \\rho_0$")
    axes.set_ylabel("P / GPa")
    axes.legend(frameon=False)
    return made


def _named(row: pd.Series) -> str:
    turned = ", twist " + ", ".join(f"{t:g}" for t in row["twist"]) if any(row["twist"]) else ""
    return f"N = {row['n']:g}, M = {row['mass']:.4g}{turned}"


def _row(result: Result) -> dict[str, Any]:
    d = result.declaration
    row: dict[str, Any] = {name: d[name] for name in (*ISOTHERM, "rs")} | {"twist": along_axes(d["twist"], 3)}
    for name in COLUMNS:
        known = name if name == "pressure" else f"{name}_with_motion"
        row[name], row[f"{name}_error"] = result.number(known)
    return row


def _with_slopes(part: pd.DataFrame) -> pd.DataFrame:
    v = volume(part["rs"].to_numpy(float))
    x = np.log(v)
    f, error = part["free_energy"].to_numpy(float), part["free_energy_error"].to_numpy(float)
    slopes = np.full((2, len(part)), math.nan)
    for k in range(1, len(part) - 1):
        a, b = x[k] - x[k - 1], x[k + 1] - x[k]
        weights = np.array([-b / a, b / a - a / b, a / b]) / ((a + b) * v[k])
        slopes[0, k] = -GIGAPASCAL * weights @ f[k - 1 : k + 2]
        slopes[1, k] = GIGAPASCAL * np.linalg.norm(weights * error[k - 1 : k + 2])
    part["pressure_of_F"], part["pressure_of_F_error"] = slopes
    return part


def _crossing(rs: np.ndarray, energy: np.ndarray, pressure: np.ndarray) -> tuple[float, float]:
    """Compression and P where H changes sign, by straight lines in r_s between runs, the first such place."""
    v = volume(rs)
    h = energy - INITIAL_ENERGY + pressure / GIGAPASCAL * (v - volume(INITIAL_RS)) / 2
    (change,) = np.nonzero(h[:-1] * h[1:] <= 0)
    if not len(change):
        return math.nan, math.nan
    k = change[0]
    share = h[k] / (h[k] - h[k + 1])
    at = rs[k] + share * (rs[k + 1] - rs[k])
    return float((INITIAL_RS / at) ** 3), float(pressure[k] + share * (pressure[k + 1] - pressure[k]))
