"""Pictures of the electrons of a metal: n(k) with its jump, S(k), and where each was moved from."""

import pandas as pd
from matplotlib.figure import Figure


def momentum_distribution(rows: pd.DataFrame, properties: pd.DataFrame) -> Figure:
    """n(k) of electrons, the occupation by quasi-particles, and Z."""
    made = Figure(figsize=(6, 4), layout="constrained")
    axes = made.subplots()
    axes.errorbar(rows["k/k_F"], rows["n"], rows["n_error"], fmt="o", ms=4, capsize=2, label="electrons")
    axes.plot(rows["k/k_F"], rows["occupation"], "x", color="grey", label="quasi-particles")
    axes.axvline(1, color="grey", lw=0.6)
    axes.axhline(0, color="grey", lw=0.6)
    axes.set_xlabel("$k / k_F$")
    axes.set_ylabel("$n(k)$")
    [[z, error]] = properties.loc[properties["name"] == "Z", ["value", "error"]].to_numpy()
    axes.legend(frameon=False, title=f"Z = {z:.3f} $\\pm$ {error:.3f}")
    return made


def structure_factor(rows: pd.DataFrame) -> Figure:
    made = Figure(figsize=(6, 4), layout="constrained")
    axes = made.subplots()
    axes.errorbar(rows["k"], rows["S"], rows["S_error"], fmt=".", capsize=2, label="this run")
    axes.plot(rows["k"], rows["random_phase"], color="grey", lw=1, label="random-phase approximation")
    axes.set_xlabel(r"$k \; r_s a_0$")
    axes.set_ylabel("$S(k)$")
    axes.set_xlim(0)
    axes.set_ylim(0)
    axes.legend(frameon=False)
    return made


def displacements(rows: pd.DataFrame) -> Figure:
    """Arrows from zeta to x of one sample, along the first two axes."""
    made = Figure(figsize=(5, 5), layout="constrained")
    axes = made.subplots()
    one = rows.loc[rows["sample"] == 0, :]
    x, zeta = (one[[f"{name}_1", f"{name}_2"]].to_numpy() for name in ("x", "zeta"))
    axes.plot(zeta[:, 0], zeta[:, 1], "o", mfc="white", color="grey", label=r"free: $\zeta$")
    axes.plot(x[:, 0], x[:, 1], "o", color="C0", label="x")
    moved = x - zeta
    axes.quiver(
        zeta[:, 0], zeta[:, 1], moved[:, 0], moved[:, 1], angles="xy", scale_units="xy", scale=1, width=4e-3
    )
    axes.set_aspect("equal")
    axes.set_xlabel("$r_s a_0$")
    axes.legend(frameon=False)
    return made
