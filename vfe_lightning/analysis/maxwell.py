r"""Maxwell's relation (dS/dn)_T = -(dmu/dT)_n, both sides from a grid of runs; S of a unit of space, in k_B.

With s the entropy of an electron as a function of x = ln r_s and theta,

$$ \Big(\frac{\partial (n s)}{\partial n}\Big)_T = s - \frac1d \Big( \frac{\partial s}{\partial x}
   + 2 \theta \frac{\partial s}{\partial \theta} \Big), \qquad
   \Big(\frac{\partial \mu}{\partial T}\Big)_n = \frac{r_s^2}{E_F}
   \frac{\partial \mu}{\partial \theta} . $$

The left side knows of p(K) alone, the right side of energies: mu N = F + P Omega by the virial. The entropy
of an added electron was measured by A. Y. Kuntsevich et al., Nature Comm. 6, 7298 (2015), in silicon, with
two valleys and a screening gate.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vfe_lightning.analysis.effective_mass import electrons
from vfe_lightning.analysis.finite_size import Box
from vfe_lightning.analysis.finite_size_scan import box
from vfe_lightning.exact.infinite_gas import Floats
from vfe_lightning.hamiltonians.periodic_box import fermi_energy
from vfe_lightning.result import Result

MEASURED = ("entropy", "chemical_potential")
DEGREE = 2  # of polynomials in x and in theta, or less where there are fewer values
STEP = 1e-3  # of theta, as a share, in derivatives of the ideal gas
SIDES = {"dS/dn": "$(\\partial S / \\partial n)_T$", "-dmu/dT": "$-(\\partial \\mu / \\partial T)_n$"}


def table(results: Sequence[Result]) -> pd.DataFrame:
    """A row a run, by rising r_s and theta: s, mu in Ry, and both sides with the errors of the data."""
    rows = pd.DataFrame([_row(r) for r in results]).sort_values(["n", "rs", "theta"], ignore_index=True)
    parts = [_sides(part.copy()) for _, part in rows.groupby(["dim", "n_up", "n_down"], sort=False)]
    return pd.concat(parts, ignore_index=True)


def _row(r: Result) -> dict[str, float]:
    d, (n_up, n_down) = r.declaration, electrons(r.declaration)
    row = {"dim": d["dim"], "n": n_up + n_down, "n_up": n_up, "n_down": n_down}
    row |= {"rs": d["rs"], "theta": d["theta"], "ideal": ideal(box(d))}
    for name in MEASURED:
        row[name], row[f"{name}_error"] = r.number(name)
    return row


def _sides(rows: pd.DataFrame) -> pd.DataFrame:
    """Both sides at each point of one gas, linear in the data."""
    n, n_up, n_down, dim = (int(rows[name].iloc[0]) for name in ("n", "n_up", "n_down", "dim"))
    fermi = fermi_energy(dim, max(n_up, n_down) / n)
    x, theta = np.log(rows["rs"].to_numpy()), rows["theta"].to_numpy()
    by_x, by_theta = derivatives(x, theta)
    of_s = np.eye(len(x)) - (by_x + 2 * theta[:, None] * by_theta) / dim
    of_mu = -by_theta  # of mu in units of E_F
    s, mu = (rows[name].to_numpy() for name in MEASURED)
    s_error, mu_error = (rows[f"{name}_error"].to_numpy() for name in MEASURED)
    unit = rows["rs"].to_numpy() ** 2 / fermi
    for name, weights, y, error in (
        ("dS/dn", of_s, s, s_error),
        ("-dmu/dT", of_mu, unit * mu, unit * mu_error),
    ):
        rows[name], rows[f"{name}_error"] = weights @ y, np.sqrt(weights**2 @ error**2)
    return rows


def derivatives(x: Floats, theta: Floats) -> tuple[Floats, Floats]:
    """Matrices from values at points to the derivatives of their polynomial there: (points, points) each."""
    a, b = (np.arange(min(DEGREE, len(np.unique(y)) - 1) + 1) for y in (x, theta))
    centre, width = x.mean(), max(float(np.ptp(x)), 1.0)
    u, v, scale = (x - centre) / width, theta / theta.max(), theta.max()

    def powers(y: Floats, exponents: np.ndarray, order: int) -> Floats:
        factor = exponents if order else np.ones_like(exponents)
        return factor * y[:, None] ** np.maximum(exponents - order, 0)

    def terms(of_x: int, of_theta: int) -> Floats:
        both = powers(u, a, of_x)[:, :, None] * powers(v, b, of_theta)[:, None, :]
        return both.reshape(len(x), -1)

    solve = np.linalg.pinv(terms(0, 0))
    return terms(1, 0) @ solve / width, terms(0, 1) @ solve / scale


@functools.cache
def ideal(of_box: Box) -> float:
    """Either side for free electrons in the same box."""
    low, high = (replace(of_box, theta=of_box.theta * (1 + sign * STEP)).ideal[1] for sign in (-1, 1))
    return of_box.ideal[1] - (high - low) / (of_box.dim * STEP)


def figure(rows: pd.DataFrame) -> Figure:
    """Both sides against theta for each r_s, and the free gas."""
    sizes = rows["rs"].unique()
    made = Figure(figsize=(3.2 * len(sizes), 3.4), layout="constrained")
    panels = made.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    for axes, rs in zip(panels, sorted(sizes), strict=True):
        part = rows.loc[rows["rs"] == rs, :]
        for name, label in SIDES.items():
            axes.errorbar(part["theta"], part[name], part[f"{name}_error"], fmt="o", capsize=3, label=label)
        axes.plot(part["theta"], part["ideal"], color="grey", lw=0.8, label="ideal gas")
        axes.set_xlabel(r"$\theta = T / T_F$")
        axes.set_title(f"$r_s$ = {rs:g}")
    panels[0].set_ylabel("$k_B$ per electron")
    panels[0].legend(frameon=False)
    return made
