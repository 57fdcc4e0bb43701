"""Runs in boxes of several N, extrapolated: a table, the fits, and f_xc beside a published fit."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vfe_lightning.analysis.effective_mass import electrons, twists_of
from vfe_lightning.analysis.exchange_correlation import STATED, published
from vfe_lightning.analysis.finite_size import Box, extrapolated
from vfe_lightning.declarations.twist import MonkhorstPack
from vfe_lightning.result import Result

QUANTITIES = ("f_xc", "free_energy", "energy", "potential", "kinetic", "entropy")
POINT = ["dim", "polarisation", "theta", "rs"]
LABELS = {"f_xc": "$f_{xc}$ / Ry", "free_energy": "F / Ry", "potential": "V / Ry", "entropy": "S"}
_GRID = (0.0625, 0.1875, 0.3125, 0.4375)  # of twists along an axis, which are as good as their negatives


def table(results: Sequence[Result]) -> pd.DataFrame:
    """A row a run, corrected and an electron, and for each state point one with their limits, n = inf.

    Energies in Ry. What a box lacks by f, s and v is exact but for the response of the correlated gas; that
    by e and the kinetic energy follows from it.
    """
    rows = pd.DataFrame([_row(r) for r in results]).sort_values([*POINT, "n"], ignore_index=True)
    limits = []
    for _, part in rows.groupby(POINT, sort=False):
        row: dict[str, Any] = part.iloc[0][POINT].to_dict() | {"n": math.inf}
        for name in QUANTITIES:
            found = extrapolated(*(part[c].to_numpy() for c in ("n", name, f"{name}_error")))
            row |= {name: found.value, f"{name}_error": found.error, f"{name}_slope": found.slope}
        row["published_f_xc"] = part["published_f_xc"].iloc[0]
        limits.append(row)
    return pd.concat([rows, pd.DataFrame(limits)]).sort_values([*POINT, "n"], ignore_index=True)


def box(declaration: Mapping[str, Any]) -> Box:
    """The box of a declared gas. Twists that are drawn for each sample are averaged over on a grid."""
    dim, at = declaration["dim"], twists_of(declaration)
    if isinstance(at, tuple):
        twists = (at,)
    else:
        axis = at.axis if isinstance(at, MonkhorstPack) else _GRID
        twists = tuple(itertools.product(axis, repeat=dim))
    return Box(*electrons(declaration), dim, declaration["theta"], twists)


def _row(r: Result) -> dict[str, Any]:
    d = r.declaration
    of_box, rs = box(d), d["rs"]
    infinite, (f_0, s_0) = of_box.infinite, of_box.ideal
    unit = 1 / rs**2
    mean_field = (r.landmarks or {}).get("Hartree-Fock")  # of runs that lack it the formula stays as it is
    first = unit * of_box.left_by_first_order(rs, mean_field / unit) if mean_field is not None else 0.0
    missing = first + unit * of_box.missing_free_energy(rs)
    scale, temperature = infinite.entropy / s_0, unit * infinite.temperature
    f, s = r.number("free_energy"), r.number("entropy")
    v, k, e = r.number("potential"), r.number("kinetic"), r.number("energy")
    lacks = {
        "f_xc": missing - unit * f_0,
        "free_energy": missing + unit * (infinite.free_energy - f_0),
        "potential": first + unit * of_box.missing_potential(rs),
    }
    lacks["energy"] = lacks["free_energy"] + temperature * (scale - 1) * s[0]
    lacks["kinetic"] = lacks["energy"] - lacks["potential"]
    of_entropy = temperature * (scale - 1) * s[1]
    values = {
        "f_xc": (f[0] + lacks["f_xc"], f[1]),
        "free_energy": (f[0] + lacks["free_energy"], f[1]),
        "energy": (e[0] + lacks["energy"], math.hypot(e[1], of_entropy)),
        "potential": (v[0] + lacks["potential"], v[1]),
        "kinetic": (k[0] + lacks["kinetic"], math.hypot(k[1], of_entropy)),
        "entropy": (scale * s[0], scale * s[1]),
    }
    n_up, n_down = of_box.n_up, of_box.n_down
    row: dict[str, Any] = {
        "dim": of_box.dim,
        "polarisation": (n_up - n_down) / of_box.n,
        "theta": of_box.theta,
        "rs": rs,
        "n": float(of_box.n),
    }
    for name, (value, error) in values.items():
        row |= {name: value, f"{name}_error": error}
        row |= {f"{name}_of_box": r.number(name)[0]} if name != "f_xc" else {}
    return row | {"published_f_xc": published(of_box.dim, n_up, n_down, rs, of_box.theta)}


def fits(rows: pd.DataFrame) -> Figure:
    """Each quantity against 1 / N, as it was in the boxes, corrected, and extrapolated; from its limit."""
    made = Figure(figsize=(10, 7), layout="constrained")
    for axes, (name, label) in zip(made.subplots(2, 2).flat, LABELS.items(), strict=True):
        for number, (_, part) in enumerate(rows.groupby(POINT, sort=False)):
            infinite = np.isinf(part["n"])
            limit, runs = part.loc[infinite, :].iloc[0], part.loc[~infinite, :]
            x, colour = 1 / runs["n"].to_numpy(), f"C{number % 10}"
            y, error = runs[name] - limit[name], runs[f"{name}_error"]
            at = f"$\\theta$ = {limit['theta']:g}, $r_s$ = {limit['rs']:g}"
            axes.errorbar(x, y, error, fmt="o", capsize=2, label=at, color=colour)
            if f"{name}_of_box" in runs:
                axes.plot(x, runs[f"{name}_of_box"] - limit[name], "x", color=colour)
            axes.errorbar(
                [0.0], [0.0], [limit[f"{name}_error"]], fmt="s", mfc="white", capsize=2, color=colour
            )
            line = np.array([0.0, x.max()])
            axes.plot(line, limit[f"{name}_slope"] * line, lw=0.8, color=colour)
        axes.set_xlabel("1 / N")
        axes.set_ylabel(f"{label} $-$ limit")
    made.axes[0].legend(frameon=False, fontsize="small", title="corrected; x: of the box")
    return made


def isotherms(rows: pd.DataFrame) -> Figure:
    """r_s f_xc of the infinite gas against r_s for each temperature, with the published fit as a line."""
    made = Figure(figsize=(6, 4), layout="constrained")
    axes = made.subplots()
    limits = rows.loc[np.isinf(rows["n"]), :]
    for number, (_, part) in enumerate(limits.groupby(["dim", "polarisation", "theta"], sort=False)):
        first, colour = part.iloc[0], f"C{number % 10}"
        dim, theta, rs = int(first["dim"]), float(first["theta"]), part["rs"].to_numpy()
        y, error = rs * part["f_xc"], rs * part["f_xc_error"]
        axes.errorbar(rs, y, error, fmt="o", capsize=2, label=f"$\\theta$ = {theta:g}", color=colour)
        spins = {0.0: (1, 1), 1.0: (1, 0)}.get(float(first["polarisation"]), (2, 1))
        line = np.geomspace(rs.min() / 1.5, rs.max() * 1.5, 100)
        fit = np.array([x * published(dim, *spins, x, theta) for x in line])
        axes.plot(line, fit, lw=0.8, color=colour)
        axes.fill_between(line, fit * (1 - STATED), fit * (1 + STATED), alpha=0.2, lw=0, color=colour)
    axes.set_xscale("log")
    axes.set_xlabel("$r_s$")
    axes.set_ylabel("$r_s f_{xc}$ / Ry")
    axes.legend(frameon=False, title="lines: Groth et al. (2017)")
    return made
