"""m*/m of many runs by both routes: S / S_0, and the slope of the dispersion at k_F."""

from collections.abc import Sequence

import pandas as pd
import torch
from matplotlib.figure import Figure

from vfe_lightning.analysing import checked
from vfe_lightning.analysing.quasi_particle_tables import liquids_of, masses
from vfe_lightning.analysing.sampling import sampled
from vfe_lightning.analysis.effective_mass import electrons
from vfe_lightning.analysis.electron_gas_published import ENTROPY_RATIOS
from vfe_lightning.result import Result
from vfe_lightning.trained import load

STATES, WALKERS = 2048, 2  # of fresh samples of a run
GAS = ["dim", "n_up", "n_down", "theta"]
PUBLISHED = {"dim": 2, "n_down": 0, "theta": 0.15, "twist": 0.25}  # of what there are published points


def table(results: Sequence[Result]) -> pd.DataFrame:
    """A row for each run and route, by rising N and r_s, with R^2 of the regressions and stationarity."""
    rows = [row for result in results for row in _rows(result)]
    return pd.DataFrame(rows).sort_values([*GAS, "rs"], ignore_index=True, kind="stable")


def _rows(result: Result) -> list[dict]:
    trained = load(result)
    gas = checked(trained, STATES, WALKERS)
    found = sampled(gas, STATES, WALKERS, trained.experiment.batch_size)
    liquids = liquids_of(gas, found, torch.Generator().manual_seed(gas.seed))
    n_up, n_down = electrons(result.declaration)
    d = result.declaration
    point = {"dim": d["dim"], "n_up": n_up, "n_down": n_down, "theta": d["theta"], "rs": d["rs"]}
    routes = masses(result, liquids, found.ceiling).to_dict("records")
    stationarity, error = result.number("stationarity")
    routes[0] |= {"stationarity": stationarity, "stationarity_error": error}
    return [point | route for route in routes]


def figure(rows: pd.DataFrame) -> Figure:
    """m*/m against r_s: a panel a gas, a line a route, and published points."""
    gases = list(rows.groupby(GAS, sort=False))
    made = Figure(figsize=(4.5 * len(gases), 3.6), layout="constrained")
    for axes, (_, part) in zip(
        made.subplots(1, len(gases), sharey=True, squeeze=False)[0], gases, strict=True
    ):
        for route, line in part.groupby("route", sort=False):
            axes.errorbar(
                line["rs"], line["m*/m"], line["m*/m_error"], fmt="o-", capsize=3, lw=1, label=route
            )
        first = part.iloc[0]
        known = {n: {rs: m for (size, rs), m in ENTROPY_RATIOS.items() if size == n} for n in (29, 49)}
        same = all(first[name] == PUBLISHED[name] for name in ("dim", "n_down", "theta"))
        for (n, points), marker in zip(known.items() if same else (), ("s", "^"), strict=False):
            y, error = zip(*points.values(), strict=True)
            style = {"marker": marker, "color": "grey"}
            axes.errorbar(
                list(points), y, error, ls="", mfc="none", label=f"N = {n}, Xie et al. (2023)", **style
            )
        axes.axhline(1, color="grey", lw=0.8)
        spins = f"{first['n_up']:g} + {first['n_down']:g}" if first["n_down"] else f"{first['n_up']:g}"
        axes.set_title(f"{first['dim']:g}D, N = {spins}, $\\theta$ = {first['theta']:g}")
        axes.set_xscale("log")
        axes.set_xlabel("$r_s$")
    made.axes[0].set_ylabel("$m^*/m$")
    made.axes[0].legend(frameon=False, fontsize="small")
    return made
